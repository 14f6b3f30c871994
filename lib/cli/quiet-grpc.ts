// grpc-js reads this once, when it is loaded, and would write its own lines on standard error beside ours.
process.env.GRPC_VERBOSITY ??= 'NONE'
// An operator can do nothing about a deprecated call in a dependency, such as grpc-js's TLS server name that is an IP address.
process.noDeprecation = true
