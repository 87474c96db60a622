#!/bin/bash
# The short form of the tests with third-party programs: servers and clients from Debian whose threads must run on the
# carriers, natively and with one and two of them, in about a minute. third_party/run.sh runs all of them.
exec "$(dirname "$0")/third_party/run.sh" tinyproxy stunnel siege python_threading_http hackbench mariadb apache_worker ruby gevent
