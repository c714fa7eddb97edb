"""A file system of each kind and a certificate: as the command line writes them, and as the API takes them."""

from __future__ import annotations

from typing import Any

S3 = "arn:aws:s3files:us-east-1:111122223333:file-system/fs-0123456789abcdef0"
S3_POINT = f"{S3}/access-point/fsap-0123456789abcdef0"
EFS = "arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-01234567"
EFS_POINT = "arn:aws:elasticfilesystem:us-east-1:111122223333:access-point/fsap-01234567"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:team/root-ca-AbCdEf"
CONFIGURATIONS = [
    {"s3FilesConfiguration": {"accessPointArn": S3_POINT, "mountPath": "/mnt/s3", "fileSystemArn": S3}},
    {"efsConfiguration": {"accessPointArn": EFS_POINT, "mountPath": "/mnt/e.f-s", "fileSystemArn": EFS}},
]
CERTIFICATES = [{"location": {"secretsManager": {"secretArn": SECRET}}}]
BOTH: Any = {"filesystemConfigurations": CONFIGURATIONS, "certificates": CERTIFICATES}
MOUNTS = [f"/mnt/s3={S3_POINT}", f"/mnt/e.f-s/={EFS_POINT},fs-01234567"]
