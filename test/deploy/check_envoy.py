"""Checks the Envoy configuration of docs/proxies.md against Envoy's protocol buffers: an unknown field is an error."""
import re
from pathlib import Path

import yaml

# The types of the configuration's "@type" must be imported to be found.
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2  # noqa: F401
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2  # noqa: F401
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2  # noqa: F401
from google.protobuf import json_format

page = Path(__file__).parents[2].joinpath('docs/proxies.md').read_text()
(block,) = re.findall(r'^```yaml[^\n]*\n(static_resources:\n.*?)^```$', page, re.DOTALL | re.MULTILINE)
json_format.ParseDict(yaml.safe_load(block), bootstrap_pb2.Bootstrap())
