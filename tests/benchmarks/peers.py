"""The same networks in other packages, whatever of these is installed."""

import importlib.util

import numpy as np


def is_installed(package):
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def peers_of(workload, method, network, X, references):
    """Return what other packages offer for a method on a workload: a function of rows for each of their names."""
    found = {}
    if method == "rescale" and workload.reference is None and _is_plain(network) and is_installed("shap"):
        found["shap"] = _shap(workload, network, references)
    if _is_plain(network) and workload.target != "all" and is_installed("captum") and is_installed("torch"):
        found.update(_captum(workload, method, network, references))
    if workload.reference is not None and method == "rescale" and is_installed("tangermeme"):
        found["tangermeme"] = _tangermeme(workload, network)
    return found


def _is_plain(network):
    """Whether a network is a stack of layers that all peers know."""
    known = {"InputLayer", "Dense", "Conv1D", "Conv2D", "MaxPooling1D", "Flatten"}
    return {type(layer).__name__ for layer in network.layers} <= known


def _shap(workload, network, references):
    import shap

    explainer = shap.DeepExplainer(network, references)

    def explain(rows):
        values = np.asarray(explainer.shap_values(rows, check_additivity=False))
        return values if workload.target == "all" else values[..., workload.target]

    return explain


def _captum(workload, method, network, references):
    import torch
    from captum.attr import DeepLift, DeepLiftShap, GuidedBackprop, IntegratedGradients

    torch.set_num_threads(2)
    if workload.reference is not None:
        return {}
    same = _as_torch(network)
    to_torch = torch.as_tensor
    several = len(references) > 1
    attribute = {
        "rescale": lambda rows: (DeepLiftShap if several else DeepLift)(same).attribute(
            rows, to_torch(references), target=workload.target
        ),
        "integrated": lambda rows: IntegratedGradients(same).attribute(
            rows, to_torch(references), target=workload.target, n_steps=50, internal_batch_size=workload.batch
        ),
        "guided": lambda rows: GuidedBackprop(same).attribute(rows, target=workload.target),
    }.get(method)
    if attribute is None:
        return {}
    return {"captum": lambda rows: attribute(to_torch(rows).requires_grad_()).detach().numpy()}


def _tangermeme(workload, network):
    import torch
    from tangermeme.deep_lift_shap import deep_lift_shap

    torch.set_num_threads(2)
    same = _as_torch(network, channels_first=True)

    def explain(rows):
        sequences = torch.as_tensor(np.ascontiguousarray(rows.transpose(0, 2, 1)))
        found = deep_lift_shap(same, sequences, n_shuffles=workload.n_references, device="cpu", random_state=0)
        return found.numpy().transpose(0, 2, 1)

    return explain


def _as_torch(network, channels_first=False):
    """Build a stack of layers again, for rows with channels last unless told otherwise."""
    import torch
    from torch import nn

    class Permute(nn.Module):
        def __init__(self, last):
            super().__init__()
            self.last = last

        def forward(self, x):
            return torch.movedim(x, 1, -1) if self.last else torch.movedim(x, -1, 1)

    modules = []
    if not channels_first and len(network.input_shape) > 2:
        modules.append(Permute(last=False))
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            module = nn.Linear(*layer.kernel.shape)
        elif kind.startswith("Conv"):
            make = nn.Conv2d if kind == "Conv2D" else nn.Conv1d
            module = make(layer.kernel.shape[-2], layer.filters, layer.kernel_size, layer.strides)
        elif kind == "MaxPooling1D":
            module = nn.MaxPool1d(layer.pool_size[0], layer.strides[0])
        elif kind == "Flatten":
            modules.append(Permute(last=True))
            module = nn.Flatten()
        else:
            continue
        if hasattr(layer, "kernel"):
            weight = np.array(layer.kernel)
            order = (weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2))
            with torch.no_grad():
                module.weight.copy_(torch.as_tensor(weight.transpose(order)))
                module.bias.copy_(torch.as_tensor(np.array(layer.bias)))
        modules.append(module)
        if getattr(layer, "activation", None) is not None and layer.activation.__name__ == "relu":
            modules.append(nn.ReLU())
    return nn.Sequential(*modules).eval()
