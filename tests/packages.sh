# Installs Debian packages that a test needs. Sourced by .ci/run and by the scripts in tests/, not run.
#
# Never skips: a test whose program is not there and cannot be installed must fail and say what to install, or it would be
# green for years without having run.

# install_packages PACKAGE..: makes sure of all of them. When it cannot, prints one line that says why and what to do, and
# returns 1. Needs root or a sudo that asks for no password. The package lists are refreshed only when an installation fails;
# a mirror that is briefly away is tried again. RUNLEVEL=1 keeps invoke-rc.d(8) from starting daemons.
install_packages() {
    local package missing=() root=() attempt
    for package; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    if ! command -v apt-get >/dev/null; then
        echo "not installed: ${missing[*]} (Debian's names; there is no apt-get here: install them by hand)"
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        root=(sudo -n)
        if ! sudo -n true 2>/dev/null; then
            echo "not installed: ${missing[*]} (as root: apt-get install ${missing[*]})"
            return 1
        fi
    fi
    local get=("${root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
    for attempt in 1 2 3 4; do
        # stdin is /dev/null: nothing may ask.
        "${get[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null 2>&1 && return
        [ "$attempt" -lt 3 ] || sleep 20
        "${get[@]}" update </dev/null >/dev/null 2>&1
    done
    echo "apt-get could not install ${missing[*]}: $("${get[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null 2>&1 |
        grep '^E:' | head -n 1)"
    return 1
}
