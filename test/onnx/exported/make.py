# Small classifiers as their libraries export them by default, and what Python onnxruntime answers: sequences of maps, of
# tensors, and the plain form. Needs scikit-learn, skl2onnx, lightgbm, xgboost, catboost, onnxmltools, onnxruntime.
import json, sys
import numpy as np, onnxruntime as ort
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.ensemble import RandomForestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skl2onnx import to_onnx, update_registered_converter
X, y = load_iris(return_X_y=True); X = X.astype(np.float32)
names = np.array(['setosa', 'versicolor', 'virginica'])[y]
out = sys.argv[1] if len(sys.argv) > 1 else '.'
made = {}
def save(name, model): 
    open(f'{out}/{name}.onnx', 'wb').write(model.SerializeToString()); made[name]=1
save('sklearn-zipmap-int', to_onnx(LogisticRegression(max_iter=200).fit(X, y), X[:1]))
save('sklearn-zipmap-text', to_onnx(make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(X, names), X[:1]))
save('sklearn-forest-zipmap', to_onnx(RandomForestClassifier(4, max_depth=2, random_state=0).fit(X, y), X[:1]))
save('sklearn-multioutput', to_onnx(MultiOutputClassifier(LogisticRegression(max_iter=200)).fit(X, np.stack([y, y % 2], 1)), X[:1], options={'zipmap': False}))
save('sklearn-columns', to_onnx(LogisticRegression(max_iter=200).fit(X, y), X[:1], options={'zipmap': 'columns'}))
import lightgbm, onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType
l = lightgbm.LGBMClassifier(n_estimators=3, max_depth=2, verbose=-1).fit(X, y)
save('lightgbm-zipmap', onnxmltools.convert_lightgbm(l, initial_types=[('input', FloatTensorType([None, 4]))], target_opset=15))
l = lightgbm.LGBMClassifier(n_estimators=3, max_depth=2, verbose=-1).fit(X, (y>0)*1)
save('lightgbm-binary-zipmap', onnxmltools.convert_lightgbm(l, initial_types=[('input', FloatTensorType([None, 4]))], target_opset=15))
save('lightgbm-plain', onnxmltools.convert_lightgbm(l, initial_types=[('input', FloatTensorType([None, 4]))], target_opset=15, zipmap=False))
import xgboost
b = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(X, y)
save('xgboost', onnxmltools.convert_xgboost(b, initial_types=[('input', FloatTensorType([None, 4]))], target_opset=15))
import catboost
for n, target in (('catboost-zipmap', y), ('catboost-text-zipmap', names), ('catboost-binary-zipmap', (y>0)*1)):
    c = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=False, allow_writing_files=False).fit(X, target)
    c.save_model(f'{out}/{n}.onnx', format='onnx'); made[n]=1
rows = X[[0, 60, 120, 149]]
answers = {}
for n in made:
    s = ort.InferenceSession(f'{out}/{n}.onnx', providers=['CPUExecutionProvider'])
    i = s.get_inputs()[0]
    r = s.run(None, {i.name: rows})
    def plain(v):
        if isinstance(v, np.ndarray): return {'shape': list(v.shape), 'data': v.ravel().tolist()}
        if isinstance(v, list) and isinstance(v[0], dict): return {'keys': list(v[0]), 'maps': [list(m.values()) for m in v]}
        return [plain(x) for x in v]
    answers[n] = {'input': i.name, 'rows': rows.tolist(), 'outputs': {o.name: plain(v) for o, v in zip(s.get_outputs(), r)}}
json.dump(answers, open(f'{out}/answers.json', 'w'), indent=1)
