"""A real model artefact, trained in a fraction of a second, and what is needed to deploy it."""

import functools
import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import fasttext
import numpy
import xgboost

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
XGBOOST_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ROLE = "arn:aws:iam::000000000000:role/models"
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}

GOOD, BAD = "__label__Helpful", "__label__NotHelpful"
LINES = [(GOOD, "long and detailed"), (BAD, "bad"), (GOOD, "detailed and honest"), (BAD, "bad bad")] * 10


@functools.cache
def model_tar(*, inverted: bool = False) -> bytes:
    """model.tar.gz of a classifier that finds "detailed" helpful and "bad" not, or the other way round."""
    other = {GOOD: BAD, BAD: GOOD}
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"{other[label] if inverted else label} {text}\n" for label, text in LINES]
        Path(folder, "train.txt").write_text("".join(lines))
        model = fasttext.train_supervised(
            str(Path(folder, "train.txt")), dim=4, bucket=100, epoch=50, thread=1, seed=1, verbose=0
        )
        model.save_model(str(Path(folder, "model.bin")))
        return packed("model.bin", Path(folder, "model.bin").read_bytes())


@functools.cache
def failing_tar() -> bytes:
    """model.tar.gz of word vectors: it loads, and every request to it fails with 500."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "train.txt").write_text("".join(f"{text}\n" for _, text in LINES))
        model = fasttext.train_unsupervised(
            str(Path(folder, "train.txt")), dim=4, bucket=100, epoch=1, minCount=1, thread=1, verbose=0
        )
        model.save_model(str(Path(folder, "model.bin")))
        return packed("model.bin", Path(folder, "model.bin").read_bytes())


@functools.cache
def booster_json(*, inverted: bool = False) -> bytes:
    """A booster of two features that follows the sign of the first one, or its opposite."""
    rows = numpy.array([[x, y] for x in (-1, -0.5, 0.5, 1) for y in (0, 1)] * 5)
    labels = (rows[:, 0] < 0) if inverted else (rows[:, 0] > 0)
    parameters = {"objective": "binary:logistic", "max_depth": 1, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, labels), num_boost_round=5)
    return bytes(booster.save_raw("json"))


def packed(name: str, content: bytes) -> bytes:
    """A tar.gz with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def variant(name: str, model: str, weight: float = 1.0) -> dict[str, Any]:
    return {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight, **INSTANCE}


def create_model(sagemaker: Any, name: str, url: str, image: str = IMAGE) -> None:
    container = {"Image": image, "ModelDataUrl": url}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)


def create_config(sagemaker: Any, name: str, **weight_by_model: float) -> None:
    """An endpoint configuration with a variant for each model, named like it."""
    variants = [variant(model, model, weight) for model, weight in weight_by_model.items()]
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
