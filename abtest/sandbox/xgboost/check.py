"""`python -m abtest.sandbox.xgboost.check`: whether the booster on standard input can be loaded.

Exit code 1, with the reason on standard error, if not. A process of its own, for XGBoost ends the one in which it
meets some corrupt boosters.
"""

import sys


def main() -> int:
    # XGBoost imports them only to know their types, which takes two seconds of its three.
    sys.modules.update({"pandas": None, "sklearn": None})  # type: ignore[dict-item]
    import xgboost

    try:
        xgboost.Booster().load_model(bytearray(sys.stdin.buffer.read()))
    except xgboost.core.XGBoostError as error:
        print(_reason(error), file=sys.stderr)
        return 1
    return 0


def _reason(error: Exception) -> str:
    """Returns why XGBoost refused; its messages begin with a time and a place, and go on with a stack trace."""
    return str(error).strip().split("\n")[0].rpartition("] ")[2].strip(" :")


if __name__ == "__main__":
    sys.exit(main())
