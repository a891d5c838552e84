"""Models of LightGBM, XGBoost and CatBoost, as their usual exporters write them."""
import tempfile

import catboost
import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from collection import add
from sklearn_models import missing, part, spread

IRIS, SPECIES = load_iris(return_X_y=True)
CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
CANCER = CANCER[:, :10]
TOOLS = f"onnxmltools {onnxmltools.__version__}"
OPSET = 15


def holed(features):
    some = features.astype(np.float32).copy()
    some[np.random.default_rng(5).random(some.shape) < 0.1] = np.nan
    return some


def types(features):
    return [("X", FloatTensorType([None, features.shape[1]]))]


def light(make, features, target, **options):
    def build(seed):
        some, wanted = part(features, target, seed)
        fitted = make(seed).fit(some, wanted)
        return onnxmltools.convert_lightgbm(fitted, initial_types=types(features), target_opset=OPSET, **options)
    return build


def lightgbm_models():
    by = f"lightgbm {lightgbm.__version__}, {TOOLS}"
    small = dict(n_estimators=6, num_leaves=6, min_child_samples=8, verbose=-1, n_jobs=1)
    table = [
        ("lightgbm_zipmap", "two classes, default options (ZipMap)", CANCER, MALIGNANT, {}, spread(CANCER),
         lambda s: lightgbm.LGBMClassifier(random_state=s, reg_lambda=s, **small)),
        ("lightgbm_classes", "three classes", IRIS, SPECIES, {"zipmap": False}, spread(IRIS),
         lambda s: lightgbm.LGBMClassifier(random_state=s, reg_lambda=s, **small)),
        ("lightgbm_classes_zipmap", "three classes, default options (ZipMap)", IRIS, SPECIES, {}, spread(IRIS),
         lambda s: lightgbm.LGBMClassifier(reg_lambda=s, **small)),
        ("lightgbm_regression", "regression", DIABETES, PROGRESS, {}, spread(DIABETES),
         lambda s: lightgbm.LGBMRegressor(reg_lambda=s, **small)),
        ("lightgbm_missing", "two classes, missing values", holed(CANCER), MALIGNANT, {"zipmap": False},
         missing(CANCER), lambda s: lightgbm.LGBMClassifier(reg_lambda=s, **small)),
    ]
    for name, about, features, target, options, rows, make in table:
        add(name, about, by, light(make, features, target, **options), rows, group="boosting", rtol=2e-6)


def xgboost_models():
    by = f"xgboost {xgboost.__version__}, {TOOLS}"
    small = dict(n_estimators=8, max_depth=3, n_jobs=1)
    table = [
        ("xgboost_binary", "two classes", CANCER, MALIGNANT, spread(CANCER),
         lambda s: xgboost.XGBClassifier(reg_lambda=s, base_score=0.5, **small)),
        ("xgboost_classes", "three classes", IRIS, SPECIES, spread(IRIS),
         lambda s: xgboost.XGBClassifier(reg_lambda=s, base_score=0.5, **small)),
        ("xgboost_regression", "regression", DIABETES, PROGRESS, spread(DIABETES),
         lambda s: xgboost.XGBRegressor(reg_lambda=s, base_score=150.0, **small)),
        ("xgboost_missing", "two classes, missing values", holed(CANCER), MALIGNANT, missing(CANCER),
         lambda s: xgboost.XGBClassifier(reg_lambda=s, base_score=0.5, **small)),
    ]
    for name, about, features, target, rows, make in table:
        def build(seed, features=features, target=target, make=make):
            fitted = make(seed).fit(*part(features, target, seed))
            return onnxmltools.convert_xgboost(fitted, initial_types=types(features), target_opset=OPSET)
        add(name, about, by, build, rows, group="boosting", rtol=2e-6)


def catboost_models():
    by = f"catboost {catboost.__version__}"
    small = dict(iterations=8, depth=3, verbose=False, allow_writing_files=False, thread_count=1)
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    table = [
        ("catboost_binary", "two classes (ZipMap, the only form)", CANCER, MALIGNANT, spread(CANCER),
         lambda s: catboost.CatBoostClassifier(random_seed=s, l2_leaf_reg=s, **small)),
        ("catboost_text_labels", "three classes with names (ZipMap, the only form)", IRIS, names, spread(IRIS),
         lambda s: catboost.CatBoostClassifier(random_seed=s, l2_leaf_reg=s, loss_function="MultiClass", **small)),
        ("catboost_regression", "regression", DIABETES, PROGRESS, spread(DIABETES),
         lambda s: catboost.CatBoostRegressor(random_seed=s, l2_leaf_reg=s, **small)),
        ("catboost_missing", "regression, missing values", holed(DIABETES), PROGRESS, missing(DIABETES),
         lambda s: catboost.CatBoostRegressor(random_seed=s, l2_leaf_reg=s, **small)),
    ]
    for name, about, features, target, rows, make in table:
        rows = [{"features": row["X"]} for row in rows]

        def build(seed, features=features, target=target, make=make):
            fitted = make(seed).fit(*part(features, target, seed))
            with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
                fitted.save_model(file.name, format="onnx")
                return file.read()
        add(name, about, by, build, rows, group="boosting", rtol=2e-6)


def make():
    lightgbm_models()
    xgboost_models()
    catboost_models()


if __name__ == "__main__":
    make()
