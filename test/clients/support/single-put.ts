/**
 * Every client below is told here, and nowhere else, to send a file in one PUT: the gateway has no multipart uploads
 * yet. When it has, this file goes, and with it each `$MULTIPART_…` in the scripts.
 */
export const singlePut = {
  /** For `s3.multipart_threshold` of aws, `TransferConfig` of boto3, rclone, minio; pyarrow delays what it opens. */
  MULTIPART_THRESHOLD: String(1024 ** 3),
  /** For s5cmd, which has no threshold but a size of parts. */
  MULTIPART_PART_MEBIBYTES: '1024',
  /** For mc and s3cmd. */
  MULTIPART_FLAG: '--disable-multipart',
} as const
