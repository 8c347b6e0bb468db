"""The parameters of the pipeline and their defaults.

Rules and split are the published ones. Hyperparameters are fastText's usual ones rather than BlazingText's documented
ranges (learning rate 0.005 to 0.01, up to 300 dimensions, 10 million buckets): those learn nothing from fewer than some
hundred thousand reviews, and three such trials at once do not fit into the memory of a small machine.
"""

from sagemaker.core.workflow.parameters import Parameter, ParameterFloat, ParameterInteger, ParameterString

from pipelines.rules import Rules

STRINGS = {
    "ProcessingInstanceType": "ml.m5.xlarge",
    "TrainingInstanceType": "ml.c5.4xlarge",
    "TransformInstanceType": "ml.m5.xlarge",
    "SentimentBins": Rules.sentiment_bins,
}

# Fractions are of the rows that are left once TrafficFraction of all is put aside for simulated users.
FLOATS = {
    "HelpfulnessThreshold": Rules.helpfulness_threshold,
    "TrainFraction": Rules.train_fraction,
    "ValidationFraction": Rules.validation_fraction,
    "TestFraction": Rules.test_fraction,
    "TrafficFraction": Rules.traffic_fraction,
    "MaximumMalformedShare": Rules.maximum_malformed_share,
    "AccuracyFloor": 0.5,
    "MaximumCredibleLoss": 0.0,
    "ChampionLearningRate": 0.2,
    "MinimumLearningRate": 0.05,
    "MaximumLearningRate": 0.5,
}

# A model of word n-grams holds about buckets * vector_dim * 4 bytes: at most 80 MB.
INTEGERS = {
    "MinimumVotes": Rules.minimum_votes,
    "MinimumProductHelpfulVotes": Rules.minimum_product_helpful_votes,
    "Seed": Rules.seed,
    "MaximumTuningJobs": 9,
    "MaximumParallelTuningJobs": 3,
    "ChampionEpochs": 10,
    "ChampionMinCount": 2,
    "ChampionVectorDim": 16,
    "ChampionWordNgrams": 1,
    "ChampionBuckets": 200_000,
    "MinimumEpochs": 5,
    "MaximumEpochs": 15,
    "MinimumMinCount": 1,
    "MaximumMinCount": 5,
    "MinimumVectorDim": 16,
    "MaximumVectorDim": 100,
    "MinimumWordNgrams": 1,
    "MaximumWordNgrams": 3,
    "MinimumBuckets": 50_000,
    "MaximumBuckets": 200_000,
}


def parameters(bucket: str) -> dict[str, Parameter]:
    """Returns every parameter by name; ReviewsS3Uri defaults to the bucket's `reviews/`."""
    everything = [
        ParameterString("ReviewsS3Uri", default_value=f"s3://{bucket}/reviews/"),
        ParameterString(
            "ModelApprovalStatus",
            default_value="PendingManualApproval",
            enum_values=["PendingManualApproval", "Approved", "Rejected"],
        ),
        ParameterString("TuningStrategy", default_value="Bayesian", enum_values=["Bayesian", "Random"]),
        *(ParameterString(name, default_value=value) for name, value in STRINGS.items()),
        *(ParameterFloat(name, default_value=value) for name, value in FLOATS.items()),
        *(ParameterInteger(name, default_value=value) for name, value in INTEGERS.items()),
    ]
    return {parameter.name: parameter for parameter in everything}
