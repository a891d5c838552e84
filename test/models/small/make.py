# Makes the small models beside this file: python3 make.py (numpy, onnx, onnxruntime, scikit-learn, skl2onnx).
# rf.onnx, rf.baseline.json: a random forest of iris, whose float32 probabilities reach 1.0000001; from the project's
#   collection of cases, made there in the same way.
# species.onnx: logistic regression of iris with species as text labels: label STRING[N], probabilities FLOAT[N,3].
# visit.onnx: two inputs, city STRING[N,1] and age FLOAT[N,1], risk FLOAT[N,1] = 0.5 * (city is "Rome") + age / 200.
# steps.onnx: x FLOAT[N,T,2] with any T -> y FLOAT[N,T,2] = softmax over the last axis; a sequence of class scores.
# pair.onnx: x FLOAT[N,2,3] -> y FLOAT[N,2,3] = 2 * x; answers of rank 3.
import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

iris = load_iris()
X = iris.data.astype(np.float32)
names = iris.target_names[iris.target]
species = LogisticRegression(max_iter=500).fit(X, names)
open('species.onnx', 'wb').write(
    to_onnx(species, X[:1], options={'zipmap': False}, target_opset=17).SerializeToString())

info = helper.make_tensor_value_info


def save(name, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17), helper.make_opsetid('ai.onnx.ml', 3)],
                              ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, name + '.onnx')


one = lambda name, value: helper.make_tensor(name, TensorProto.FLOAT, [1], [value])
save('visit', [
    helper.make_node('LabelEncoder', ['city'], ['known'], domain='ai.onnx.ml', keys_strings=['Rome'],
                     values_floats=[0.5], default_float=0.0),
    helper.make_node('Div', ['age', 'two_hundred'], ['part']),
    helper.make_node('Add', ['known', 'part'], ['risk']),
], [info('city', TensorProto.STRING, ['N', 1]), info('age', TensorProto.FLOAT, ['N', 1])],
    [info('risk', TensorProto.FLOAT, ['N', 1])], [one('two_hundred', 200.0)])
save('steps', [helper.make_node('Softmax', ['x'], ['y'], axis=-1)],
     [info('x', TensorProto.FLOAT, ['N', 'T', 2])], [info('y', TensorProto.FLOAT, ['N', 'T', 2])])
save('pair', [helper.make_node('Mul', ['x', 'two'], ['y'])],
     [info('x', TensorProto.FLOAT, ['N', 2, 3])], [info('y', TensorProto.FLOAT, ['N', 2, 3])], [one('two', 2.0)])

# iris.npz (deflated), visit.npz (stored) and iris.npy: rows for rf.onnx, species.onnx and visit.onnx.
np.savez_compressed('iris.npz', X=X)
np.save('iris.npy', X)
np.savez('visit.npz', city=np.array([['Rome'], ['Oslo'], ['Zürich']] * 40),
         age=np.arange(120, dtype=np.float32).reshape(-1, 1))
