"""Everything that uses boto3: connections, credentials, clients, errors. Nothing else imports it or botocore."""
