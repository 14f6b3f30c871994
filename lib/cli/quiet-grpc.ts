// grpc-js reads this once, when it is loaded, and would write its own lines on standard error beside ours.
process.env.GRPC_VERBOSITY ??= 'NONE'
