import pytest

from tests.infra.templates import Templates, text

pytestmark = pytest.mark.slow


def test_the_bucket_is_private_encrypted_and_refuses_plain_http(demo: Templates) -> None:
    (bucket,) = demo.properties("AWS::S3::Bucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (policy,) = demo.properties("AWS::S3::BucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_tables_have_the_keys_that_the_code_uses(demo: Templates) -> None:
    tables = {name.rstrip("0123456789ABCDEF"): table for name, table in demo.named("AWS::DynamoDB::Table")}
    keys = {
        name: {key["KeyType"]: key["AttributeName"] for key in table["Properties"]["KeySchema"]}
        for name, table in tables.items()
    }
    assert keys == {
        "Experiments": {"HASH": "endpoint_name", "RANGE": "item"},
        "Assignments": {"HASH": "user", "RANGE": "item"},
    }
    assert tables["Assignments"]["Properties"]["TimeToLiveSpecification"]["AttributeName"] == "expires_at"
    for table in tables.values():
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert table["Properties"]["SSESpecification"]["SSEEnabled"]


def test_events_are_delivered_as_gzip_by_the_hour(demo: Templates) -> None:
    (stream,) = demo.properties("AWS::KinesisFirehose::DeliveryStream")
    assert stream["DeliveryStreamType"] == "DirectPut"
    target = stream["ExtendedS3DestinationConfiguration"]
    assert target["BufferingHints"] == {"IntervalInSeconds": 60, "SizeInMBs": 1}
    assert target["CompressionFormat"] == "GZIP"
    assert target["Prefix"] == "events/!{timestamp:yyyy/MM/dd/HH}/"
    assert target["ErrorOutputPrefix"].startswith("events-errors/")


def test_the_stream_writes_below_its_prefixes_only(demo: Templates) -> None:
    written = {
        text(resource)
        for name, statement in demo.statements()
        if name.startswith("EventsRole") and "s3:PutObject" in statement["Action"]
        for resource in statement["Resource"]
    }
    assert {path.partition("/")[2] for path in written} == {"events/*", "events-errors/*"}


def test_what_is_kept_outlives_its_stack(demo: Templates, prod: Templates) -> None:
    kinds = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SageMaker::ModelPackageGroup")
    for kind in kinds:
        assert {resource["UpdateReplacePolicy"] for resource in prod.resources(kind)} == {"Retain"}
        assert "Delete" not in {resource["DeletionPolicy"] for resource in prod.resources(kind)}
        assert {resource["DeletionPolicy"] for resource in demo.resources(kind)} == {"Delete"}
    assert prod.properties("AWS::S3::Bucket")[0]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(table["DeletionProtectionEnabled"] for table in prod.properties("AWS::DynamoDB::Table"))
