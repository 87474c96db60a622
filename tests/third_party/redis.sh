#!/bin/bash
# Redis with I/O threads (which spin on atomics), its background threads and a BGSAVE, which forks while they exist.
. "$(dirname "$0")/lib.sh"
name=redis packages="redis-server redis-tools" native_threads=5 helpers=3

run_once() {
    local port said i
    port=$(free_port)
    start redis-server --port "$port" --bind 127.0.0.1 --io-threads 2 --io-threads-do-reads yes --appendonly yes \
        --appendfsync everysec --save '' --dir "$work" --daemonize no >"$work/log" 2>&1
    wait_for_port "$port"
    redis() { redis-cli -p "$port" "$@"; }
    # A value whose every byte is checked at the end, after restarts of nothing and saves of everything.
    head -c 300000 /dev/urandom >"$work/value"
    redis -x set value <"$work/value" >/dev/null || fail "set"
    timeout 60 redis-benchmark -p "$port" -c 50 -n 10000 -t incr,lpush --threads 2 -q >"$work/benchmark" 2>&1 ||
        fail "redis-benchmark: $(tail -n 1 "$work/benchmark")"
    redis bgsave >/dev/null
    for i in $(seq 100); do
        redis info persistence | grep -q '^rdb_bgsave_in_progress:0' && break
        sleep 0.1
    done
    redis info persistence | grep -q '^rdb_last_bgsave_status:ok' || fail "BGSAVE failed: $(tail -n 1 "$work/log")"
    said="$(redis get counter:__rand_int__) increments, $(redis llen mylist) pushes"
    [ "$said" = "10000 increments, 10000 pushes" ] || fail "$said"
    redis --raw get value | head -c 300000 | cmp -s - "$work/value" || fail "the value read back differs"
    redis shutdown nosave >/dev/null 2>&1
    finish || fail "redis-server ended with $?: $(tail -n 1 "$work/log")"
    pass "$said, BGSAVE"
}

main "$@"
