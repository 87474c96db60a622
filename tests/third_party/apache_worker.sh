#!/bin/bash
# Apache with mpm_worker: one child process with a listener thread and 128 workers; a slow origin behind mod_proxy, and a file.
. "$(dirname "$0")/lib.sh"
name=apache_worker packages=apache2 native_threads=100

run_once() {
    start_origin
    local port proxied static modules=/usr/lib/apache2/modules
    port=$(free_port)
    mkdir "$work/documents"
    head -c 100000 /dev/urandom >"$work/documents/file"
    chmod -R a+rX "$work/documents"
    cat >"$work/conf" <<X
ServerRoot $work
ServerName localhost
Listen 127.0.0.1:$port
PidFile $work/pid
ErrorLog $work/error.log
LoadModule mpm_worker_module $modules/mod_mpm_worker.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
User nobody
Group nogroup
Mutex file:$work default
ServerLimit 1
StartServers 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
DocumentRoot $work/documents
ProxyPass /file !
ProxyPass / http://$origin/
X
    start apache2 -f "$work/conf" -D FOREGROUND
    wait_for_port "$port"
    proxied=$(client "127.0.0.1:$port") || fail "proxy: $proxied; $(tail -n 1 "$work/error.log")"
    static=$(client --file file --content "$work/documents/file" --requests 10 "127.0.0.1:$port") ||
        fail "file: $static; $(tail -n 1 "$work/error.log")"
    stop
    pass "proxy $proxied, file $static"
}

main "$@"
