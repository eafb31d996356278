"""Stages 3 and 4: pictures -> features -> scores.

weights         where the published weights of networks lie, and how they get there
arrays          named arrays on disk, checked before they are used
devices         where a network runs
onnx_bytes      networks as ONNX graphs
evidence        what a network says about the 1000 classes of ImageNet
architectures   the networks of keras.applications, by the names people type
compact         the embedded network
head            features -> scores of tags
backbone        pictures -> features, by any of the networks
model           a backbone and its head, loaded and checked together
"""
