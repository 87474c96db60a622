#!/bin/bash
# siege: a client with a thread per simulated user. Here the program under test is the client, and the origin is native.
. "$(dirname "$0")/lib.sh"
name=siege packages=siege native_threads=50

users=100 repetitions=4 bytes=65536

run_once() {
    start_origin
    mkdir -p "$work/.siege"
    cat >"$work/siege.conf" <<X
verbose = false
color = off
logging = false
json_output = true
protocol = HTTP/1.1
connection = close
limit = 500
timeout = 30
failures = 1000
X
    export HOME=$work
    start siege -R "$work/siege.conf" -b -c $users -r $repetitions "http://$origin/7/$bytes/300" >"$work/out"
    finish || fail "exit $?: $(tail -n 2 "$work/errors" | tr '\n' ' ')"
    # data_transferred is in MiB: so many answers of so many bytes, to the last one that two decimals can show.
    local said
    said=$("$python" - "$work/out" $((users * repetitions)) $bytes <<'X'
import json, sys
text = open(sys.argv[1]).read()
result, wanted, size = json.loads(text[text.index("{"):]), int(sys.argv[2]), int(sys.argv[3])
megabytes = wanted * size / 2**20
good = result["successful_transactions"] == wanted and result["failed_transactions"] == 0
good = good and abs(result["data_transferred"] - megabytes) < 0.02
overlap = result["elapsed_time"] < wanted * 0.3 / 4
print(f"{result['successful_transactions']} requests, {result['data_transferred']} MiB in {result['elapsed_time']} s")
sys.exit(not (good and overlap))
X
    ) || fail "wrong: $said"
    pass "$said"
}

main "$@"
