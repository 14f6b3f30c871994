export default {
  // Next would redirect `PUT /api/s3/bucket/` to the URL without its last slash, which no S3 client follows.
  skipTrailingSlashRedirect: true,
  // gRPC and protobuf stay outside of Next's bundle.
  serverExternalPackages: ['pfs-s3-gateway'],
}
