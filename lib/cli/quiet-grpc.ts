// grpc-js reads this when it is loaded; otherwise it would print its own lines to standard error.
process.env.GRPC_VERBOSITY ??= 'NONE'
// Operators cannot fix deprecated calls in a dependency, such as an IP address as TLS server name in grpc-js.
process.noDeprecation = true
