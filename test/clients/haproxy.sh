# signatures: v4
# setups: one
# covers: list, put, get, range, parts, presign through the proxy of docs/proxies.md
source "$SUPPORT/proxy.sh"
client HAProxy "$(haproxy -v | sed -n '1s/.*version \([0-9.]*\).*/\1/p')"
port="$(free_port)"
cat "$certificates/cert.pem" "$certificates/key.pem" >s3.pem
# The gateway of this test has no admin port, so its health is not checked.
configuration haproxy "$port" | sed -e "s|/etc/haproxy/s3.pem|$PWD/s3.pem|" -e '/httpchk/d' -e 's/ check port 30601//' >haproxy.cfg
haproxy -c -q -f haproxy.cfg
haproxy -db -f haproxy.cfg 2>haproxy.log &
trap 'kill "$!"; cat haproxy.log' EXIT
passes_requests "https://127.0.0.1:$port"
