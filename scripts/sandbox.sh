# shellcheck shell=bash disable=SC2034
# Sourced by scripts that need the sandbox gateway: builds it, starts it on loopback, and stops it at the end.
#   start_sandbox FLAGS…    sets api_url, control_url, ca_file
#   control PATH JSON       posts to the control endpoint; prints the answer
#   journal                 prints what the sandbox saw, one entry a line
# Nothing but bash is needed at run time. GATEWAY_SANDBOX names a binary to use instead of building one.

start_sandbox() {
    local binary=${GATEWAY_SANDBOX:-}
    mkdir -p build
    # shellcheck disable=SC2086
    if [ -z "$binary" ] && ! swift build --product gateway-sandbox ${SWIFT_FLAGS:-} >build/sandbox-build.log 2>&1; then
        tail -n 40 build/sandbox-build.log >&2
        return 1
    fi
    [ -n "$binary" ] || binary=$(swift build --show-bin-path)/gateway-sandbox
    sandbox_dir=$(mktemp -d)
    "$binary" --ready-file "$sandbox_dir/ready" "$@" >"$sandbox_dir/log" 2>&1 &
    sandbox_pid=$!
    trap stop_sandbox EXIT
    local tries=0
    until [ -s "$sandbox_dir/ready" ]; do
        if ! kill -0 "$sandbox_pid" 2>/dev/null || [ $((tries += 1)) -gt 300 ]; then
            echo "the sandbox gateway did not start:" >&2
            cat "$sandbox_dir/log" >&2
            return 1
        fi
        sleep 0.1
    done
    api_url=$(ready_value api_url)
    control_url=$(ready_value control_url)
    ca_file=$(ready_value ca_file)
}

# A value of the ready file, which is a flat JSON object of strings.
ready_value() {
    sed -nE 's/.*"'"$1"'" *: *"([^"]*)".*/\1/p' "$sandbox_dir/ready" | sed 's#\\/#/#g' | head -n 1
}

stop_sandbox() {
    [ -n "${sandbox_pid:-}" ] && kill "$sandbox_pid" 2>/dev/null && wait "$sandbox_pid" 2>/dev/null
    [ -n "${sandbox_dir:-}" ] && rm -rf "$sandbox_dir"
    sandbox_pid='' sandbox_dir=''
}

control() { control_request POST "$1" "$2"; }

journal() { control_request GET /journal '' | tail -n 1 | sed 's/},{/},\n{/g'; }

control_request() {
    local address=${control_url#http://} host port
    address=${address%%/*}
    host=${address%:*} port=${address##*:}
    exec 9<>"/dev/tcp/$host/$port" || return 1
    printf '%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
        "$1" "$2" "$address" "${#3}" "$3" >&9
    cat <&9
    exec 9>&-
}
