"""The one way to AWS: nothing else imports boto3 or botocore."""
