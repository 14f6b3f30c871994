# For the scripts of proxies: `source "$SUPPORT/proxy.sh"`. Each starts the proxy as docs/proxies.md configures it.
source "$SUPPORT/expect.sh"
certificates="$SUPPORT/../../support/tls"
export AWS_ACCESS_KEY_ID="$ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$SECRET_KEY" AWS_DEFAULT_REGION=us-east-1
export AWS_CA_BUNDLE="$certificates/cert.pem"

free_port() { python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"; }

# configuration LANGUAGE PORT: the page's block, which listens on PORT and passes requests to the gateway.
configuration() {
  sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$SUPPORT/../../../docs/proxies.md" | sed '/^```/d' |
    sed -e "s/127.0.0.1:30600/$HOST/" -e "s/listen 443/listen 127.0.0.1:$2/" -e "s/bind :443/bind 127.0.0.1:$2/"
}

# passes_requests ENDPOINT: whatever a proxy could change arrives as it was signed.
passes_requests() {
  curl --silent --output /dev/null --cacert "$AWS_CA_BUNDLE" --retry 30 --retry-connrefused "$1/"
  AWS_ENDPOINT_URL="$1" python3 "$SUPPORT/proxy_requests.py"
}
