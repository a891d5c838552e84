"""Makes the whole collection again: python test/models-real/make/all.py, with what requirements.txt names."""
import boosting_models
import graph_models
import quantised_models
import sklearn_models
import torch_models

if __name__ == "__main__":
    for kind in (sklearn_models, boosting_models, graph_models, quantised_models, torch_models):
        kind.make()
