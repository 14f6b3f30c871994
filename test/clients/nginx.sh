# signatures: v4
# setups: one
# covers: list, put, get, range, parts, presign through the proxy of docs/proxies.md
source "$SUPPORT/proxy.sh"
client nginx "$(nginx -v 2>&1 | sed 's|.*/||')"
port="$(free_port)"
cat >nginx.conf <<END
daemon off;
pid $PWD/nginx.pid;
error_log $PWD/error.log;
events {}
http {
  access_log off;
  client_body_temp_path $PWD/body;
  proxy_temp_path $PWD/proxy;
  fastcgi_temp_path $PWD/fastcgi;
  uwsgi_temp_path $PWD/uwsgi;
  scgi_temp_path $PWD/scgi;
$(configuration nginx "$port" | sed -e "s|/etc/nginx/tls.crt|$certificates/cert.pem|" -e "s|/etc/nginx/tls.key|$certificates/key.pem|")
}
END
nginx -t -q -p "$PWD" -e "$PWD/error.log" -c "$PWD/nginx.conf"
nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/nginx.conf" &
trap 'kill "$!"; cat error.log' EXIT
passes_requests "https://127.0.0.1:$port"
