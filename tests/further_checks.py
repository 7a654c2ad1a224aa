"""Checks of scikit-learn for transformers, that it runs of its own in other tests."""

from sklearn.utils import estimator_checks

NAMES = """
    check_dataframe_column_names_consistency check_global_output_transform_pandas
    check_global_set_output_transform_polars check_param_validation check_set_output_transform
    check_set_output_transform_pandas check_set_output_transform_polars check_transformer_get_feature_names_out
    check_transformer_get_feature_names_out_pandas
""".split()


def run_check(name, estimator):
    """Run a check, if this version of scikit-learn has it."""
    if hasattr(estimator_checks, name):
        getattr(estimator_checks, name)(type(estimator).__name__, estimator)
