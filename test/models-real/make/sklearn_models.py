"""Models of scikit-learn, as skl2onnx exports them: by default with ZipMap, and without."""
import numpy as np
import onnx.helper
import skl2onnx
import sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier, ExtraTreesClassifier, GradientBoostingClassifier, GradientBoostingRegressor,
    HistGradientBoostingClassifier, HistGradientBoostingRegressor, IsolationForest, RandomForestClassifier,
    RandomForestRegressor, StackingRegressor, VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression, LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge, SGDClassifier,
)
from sklearn.mixture import GaussianMixture
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from collection import add, rows_of

BY = f"scikit-learn {sklearn.__version__}, skl2onnx {skl2onnx.__version__}"
OPSET = {"": 21, "ai.onnx.ml": 3}

IRIS, SPECIES = load_iris(return_X_y=True)
WINE, CULTIVARS = load_wine(return_X_y=True)
CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
CANCER = CANCER[:, :10]
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]


_make_attribute = onnx.helper.make_attribute


def make_attribute(key, value, *rest, **named):
    """The ensembles of this scikit-learn have numpy's integers and truth values, which the exporter
    passes on and onnx refuses."""
    if isinstance(value, list):
        value = [one.item() if isinstance(one, np.generic) else one for one in value]
        value = [int(one) if isinstance(one, bool) else one for one in value]
    return _make_attribute(key, value, *rest, **named)


onnx.helper.make_attribute = make_attribute


def part(features, target, seed):
    """Another two thirds of the data for each version."""
    chosen = np.random.default_rng(seed).permutation(len(features))[: 2 * len(features) // 3]
    return features[chosen].astype(np.float32), target[chosen]


def exported(make, features, target, **options):
    def build(seed):
        some, wanted = part(features, target, seed)
        fitted = make(seed).fit(some, wanted)
        return to_onnx(fitted, some[:1], target_opset=OPSET,
                       options={id(fitted): options} if options else None)
    return build


def spread(features, count=8):
    """Rows from all over the data, a row of zeros, a far one and one of mixed signs."""
    some = features[:: max(1, len(features) // count)][:count].astype(np.float32)
    far = [np.zeros_like(some[0]), some[0] * 1000, -some[1]]
    return rows_of(np.concatenate([some, np.stack(far)]), count=count + 3)


def missing(features, count=8):
    """Rows with holes: one, several, all."""
    rows = spread(features, count)
    for at, holes in enumerate([[0], [1, 2], list(range(features.shape[1]))]):
        rows[at]["X"][0, holes] = np.nan
    return rows


def classifiers():
    plain = {"zipmap": False}
    iris, wine, cancer = (IRIS, SPECIES), (WINE, CULTIVARS), (CANCER, MALIGNANT)
    table = [
        ("lr_zipmap", "logistic regression, default options (ZipMap)", iris, {},
         lambda s: LogisticRegression(max_iter=300, C=s)),
        ("lr", "logistic regression", iris, plain, lambda s: LogisticRegression(max_iter=300, C=s)),
        ("lr_text_labels_zipmap", "logistic regression with names of classes (ZipMap)", (IRIS, NAMES), {},
         lambda s: LogisticRegression(max_iter=300, C=s)),
        ("lr_scaled", "standard scaler, logistic regression", cancer, plain,
         lambda s: make_pipeline(StandardScaler(), LogisticRegression(C=s))),
        ("random_forest", "random forest of 20 trees", iris, plain,
         lambda s: RandomForestClassifier(20, max_depth=4, random_state=s)),
        ("random_forest_zipmap", "random forest, default options (ZipMap)", wine, {},
         lambda s: RandomForestClassifier(10, max_depth=3, random_state=s)),
        ("extra_trees", "extremely randomised trees", wine, plain,
         lambda s: ExtraTreesClassifier(10, max_depth=4, random_state=s)),
        ("decision_tree_text", "decision tree with names of classes", (IRIS, NAMES), plain,
         lambda s: DecisionTreeClassifier(max_depth=4, random_state=s)),
        ("gradient_boosting", "gradient boosting", cancer, plain,
         lambda s: GradientBoostingClassifier(n_estimators=15, max_depth=2, random_state=s)),
        ("ada_boost", "AdaBoost of stumps", iris, plain, lambda s: AdaBoostClassifier(n_estimators=6, random_state=s)),
        ("svc", "support vectors with a radial kernel, scores calibrated", cancer, plain,
         lambda s: make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(C=0.3 * s), cv=2))),
        ("svc_decision", "support vectors of three classes, decision function", iris, {**plain, "raw_scores": True},
         lambda s: SVC(C=s, kernel="poly", degree=2)),
        ("linear_svc", "linear support vectors", iris, {}, lambda s: LinearSVC(C=s)),
        ("sgd", "linear classifier by stochastic gradient", iris, plain,
         lambda s: make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=s))),
        ("knn", "five nearest neighbours", (IRIS[::2], SPECIES[::2]), plain,
         lambda s: KNeighborsClassifier(3 + 2 * s)),
        ("mlp", "multilayer perceptron 10-16-2", cancer, plain,
         lambda s: make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=60, random_state=s))),
        ("gaussian_nb", "Gaussian naive Bayes", wine, plain, lambda s: GaussianNB(var_smoothing=10.0 ** -(8 + s))),
        ("lda", "linear discriminants", wine, plain, lambda s: LinearDiscriminantAnalysis()),
        ("voting", "soft vote of two classifiers", iris, plain, lambda s: VotingClassifier([
            ("a", LogisticRegression(max_iter=300, C=s)), ("b", DecisionTreeClassifier(max_depth=2))], voting="soft",
            flatten_transform=False)),
        ("quantile_bins", "bins as one-hot columns, logistic regression", iris, plain,
         lambda s: make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", quantile_method="linear"), LogisticRegression(C=s))),
    ]
    tolerances = {
        "knn": dict(nan=False), "svc": dict(rtol=1e-5), "svc_decision": dict(rtol=2e-5, atol=2e-5),
        "gaussian_nb": dict(rtol=2e-5, atol=1e-5), "lda": dict(rtol=1e-5), "gradient_boosting": dict(rtol=2e-6),
        "mlp": dict(rtol=5e-6, atol=2e-6),
    }
    for name, about, (features, target), options, make in table:
        add(name, about, BY, exported(make, features, target, **options), spread(features), group="sklearn",
            **tolerances.get(name, {}))


def regressors():
    table = [
        ("linear_regression", "linear regression", lambda s: LinearRegression()),
        ("poly_ridge", "second-degree polynomial, ridge", lambda s: make_pipeline(PolynomialFeatures(2), Ridge(s))),
        ("poisson", "Poisson regression", lambda s: PoissonRegressor(alpha=s)),
        ("quantile", "quantile regression", lambda s: QuantileRegressor(quantile=0.4 + s / 10, alpha=0.01)),
        ("forest_regressor", "random forest", lambda s: RandomForestRegressor(10, max_depth=4, random_state=s)),
        ("boosting_regressor", "gradient boosting",
         lambda s: GradientBoostingRegressor(n_estimators=15, random_state=s)),
        ("svr", "support vector regression", lambda s: SVR(C=20 * s, epsilon=20)),
        ("knn_regressor", "nearest neighbours by distance",
         lambda s: KNeighborsRegressor(3 + s, weights="distance")),
        ("mlp_regressor", "multilayer perceptron 10-16-8-1",
         lambda s: MLPRegressor(hidden_layer_sizes=(16, 8), max_iter=60, random_state=s)),
        ("gaussian_process", "Gaussian process", lambda s: GaussianProcessRegressor(alpha=0.5 * s, normalize_y=True)),
        ("stacking_regressor", "stacked regressors",
         lambda s: StackingRegressor([("a", Ridge(s)), ("b", RandomForestRegressor(5, max_depth=3, random_state=s))],
                                     cv=2)),
    ]
    small = {"knn_regressor", "gaussian_process", "svr"}
    tolerances = {
        "knn_regressor": dict(nan=False, rtol=2e-5), "gaussian_process": dict(rtol=1e-4, atol=1e-3),
        "svr": dict(rtol=1e-5, atol=1e-4), "poly_ridge": dict(rtol=1e-5, atol=1e-4),
        "linear_regression": dict(rtol=2e-6), "mlp_regressor": dict(rtol=1e-5), "poisson": dict(rtol=1e-5),
    }
    for name, about, make in table:
        features, target = (DIABETES[:90], PROGRESS[:90]) if name in small else (DIABETES, PROGRESS)
        add(name, about, BY, exported(make, features, target), spread(features), group="sklearn-2",
            **tolerances.get(name, {}))


def with_missing():
    holes = np.random.default_rng(7)

    def holed(features):
        some = features.astype(np.float32).copy()
        some[holes.random(some.shape) < 0.1] = np.nan
        return some
    table = [
        ("imputer_forest", "mean imputer, random forest", holed(WINE[:, :6]), CULTIVARS, {"zipmap": False},
         lambda s: make_pipeline(SimpleImputer(), RandomForestClassifier(8, max_depth=3, random_state=s))),
        ("hist_boosting", "histogram gradient boosting, missing values", holed(IRIS), SPECIES, {"zipmap": False},
         lambda s: HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=6, random_state=s)),
        ("hist_boosting_regressor", "histogram gradient boosting, missing values", holed(DIABETES), PROGRESS, {},
         lambda s: HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=8, l2_regularization=s)),
    ]
    for name, about, features, target, options, make in table:
        add(name, about, BY, exported(make, features, target, **options), missing(np.nan_to_num(features)),
            group="sklearn-2", rtol=5e-6)


def others():
    def unsupervised(make, features):
        return exported(make, features, np.zeros(len(features)))
    add("isolation_forest", "isolation forest: label and score", BY, lambda s: to_onnx(
        IsolationForest(n_estimators=8, max_samples=32, random_state=s).fit(IRIS.astype(np.float32)),
        IRIS[:1].astype(np.float32), target_opset=OPSET), spread(IRIS), group="sklearn-2", rtol=1e-5, atol=1e-5)
    add("kmeans", "k-means: label and distances", BY, unsupervised(
        lambda s: KMeans(4, n_init=2, random_state=s), IRIS), spread(IRIS), group="sklearn-2", rtol=2e-5, atol=2e-4)
    add("pca", "scaler, principal components", BY, unsupervised(
        lambda s: make_pipeline(StandardScaler(), PCA(3)), WINE), spread(WINE), group="sklearn-2", rtol=1e-5, atol=1e-5)
    add("gaussian_mixture", "Gaussian mixture: label, probabilities", BY, unsupervised(
        lambda s: GaussianMixture(3, random_state=s, covariance_type="diag"), IRIS), spread(IRIS),
        group="sklearn-2", rtol=1e-3, atol=1e-4)
    add("bernoulli_nb", "Bernoulli naive Bayes", BY, exported(
        lambda s: BernoulliNB(binarize=float(np.median(IRIS)) + s / 4), IRIS, SPECIES, zipmap=False), spread(IRIS),
        group="sklearn-2", rtol=5e-6, atol=2e-6)
    add("multi_output_regression", "ridge with three targets", BY, exported(
        lambda s: Ridge(s), WINE[:, :8], WINE[:, 8:11]), spread(WINE[:, :8]), group="sklearn-2", rtol=5e-6, atol=5e-6)
    pairs = np.stack([SPECIES, (IRIS[:, 0] > 5.8).astype(np.int64)], axis=1)
    add("multi_output_classifier", "two classifiers of one row: sequence outputs", BY, exported(
        lambda s: MultiOutputClassifier(LogisticRegression(max_iter=300, C=s)), IRIS, pairs, zipmap=False),
        spread(IRIS), group="sklearn-2")


TEXTS = [
    "cheap pills buy now", "meeting moved to monday", "win money now", "lunch at noon?", "free money pills",
    "the report is due monday", "buy cheap watches", "notes of the meeting", "you win a prize", "see you at lunch",
]
SPAM = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0])


def texts():
    asked = [*TEXTS[:6], "", "nothing known here", "money money money", "\u00dcbermorgen um zw\u00f6lf"]
    rows = [{"text": np.array([[text]], dtype=object)} for text in asked]
    table = [
        ("tfidf", "TF-IDF of words, logistic regression", {"zipmap": False},
         lambda s: make_pipeline(TfidfVectorizer(min_df=s, lowercase=False), LogisticRegression(C=3))),
        ("tfidf_zipmap", "TF-IDF of pairs of words, default options (ZipMap)", {},
         lambda s: make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=s == 2, lowercase=False), LogisticRegression(C=s))),
        ("count_nb", "counts of words, multinomial naive Bayes", {"zipmap": False},
         lambda s: make_pipeline(CountVectorizer(lowercase=False), MultinomialNB(alpha=s))),
    ]
    for name, about, options, make in table:
        def build(seed, make=make, options=options):
            fitted = make(seed).fit(TEXTS, SPAM)
            return to_onnx(fitted, initial_types=[("text", StringTensorType([None, 1]))], target_opset=OPSET,
                           options={id(fitted): options} if options else None)
        add(name, about, BY, build, rows, group="sklearn-2", rtol=5e-6, atol=2e-6)


def columns():
    import pandas
    random = np.random.default_rng(3)
    count = 120
    table = pandas.DataFrame({
        "age": random.integers(18, 80, count).astype(np.float32),
        "income": random.normal(3000, 800, count).astype(np.float32),
        "city": random.choice(["Bern", "Wien", "K\u00f6ln"], count),
        "plan": random.choice(["free", "pro"], count),
        "visits": random.integers(0, 40, count),
    })
    bought = ((table["age"] > 40) & (table["plan"] == "pro")).astype(int) + (table["city"] == "Wien")
    types = [("age", FloatTensorType([None, 1])), ("income", FloatTensorType([None, 1])),
             ("city", StringTensorType([None, 1])), ("plan", StringTensorType([None, 1])),
             ("visits", Int64TensorType([None, 1]))]

    def row(at, **changed):
        values = {**table.iloc[at].to_dict(), **changed}
        return {"age": np.array([[values["age"]]], np.float32), "income": np.array([[values["income"]]], np.float32),
                "city": np.array([[values["city"]]], object), "plan": np.array([[values["plan"]]], object),
                "visits": np.array([[values["visits"]]], np.int64)}
    rows = [*(row(at) for at in range(8)), row(8, city="Oslo"), row(9, age=0, income=0), row(10, plan="")]
    encode = [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
              ("texts", OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
              ("count", MinMaxScaler(), ["visits"])]
    for name, about, options in [
        ("columns", "numeric and text columns: scaler, one-hot, logistic regression", {"zipmap": False}),
        ("columns_zipmap", "the same with a tree and default options (ZipMap)", {}),
    ]:
        def build(seed, name=name, options=options):
            last = LogisticRegression(C=seed, max_iter=300) if name == "columns" else \
                DecisionTreeClassifier(max_depth=2 + seed)
            fitted = make_pipeline(ColumnTransformer(encode), last).fit(table, bought)
            return to_onnx(fitted, initial_types=types, target_opset=OPSET,
                           options={id(fitted): options} if options else None)
        add(name, about, BY, build, rows, group="sklearn-2", rtol=5e-6, atol=2e-6)

    def ordinal(seed):
        fitted = make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1 * seed),
                               DecisionTreeClassifier(max_depth=3)).fit(table[["city", "plan"]].to_numpy(), bought)
        return to_onnx(fitted, initial_types=[("X", StringTensorType([None, 2]))], target_opset=OPSET,
                       options={id(fitted): {"zipmap": False}})
    asked = [{"X": np.array([[city, plan]], object)} for city in ["Bern", "Wien", "K\u00f6ln", "Rom"]
             for plan in ["free", "pro"]]
    add("ordinal_tree", "text columns as ordinals, decision tree", BY, ordinal, asked, group="sklearn-2")


def make():
    for kind in (classifiers, regressors, with_missing, others, texts, columns):
        kind()


if __name__ == "__main__":
    make()
