"""Stages 3 and 4: pictures -> features -> scores.

weights         where the published weights of networks lie, and how they get there
arrays          named arrays on disk, checked before they are used
devices         where a network runs
onnx_bytes      networks as ONNX graphs
runtime         what runs these
int8            the same in whole numbers
precision       which of them is run
torch_file      tensors from files of PyTorch
packaged        weights that other packages hold
evidence        what a network says about the 1000 classes of ImageNet
head            features -> scores of tags
backbone        what every backbone is and shares: pictures -> features
entry           a backbone by its name, before it is loaded
residual        the layers of the embedded network, for any library
student         the embedded network in Keras, as it is trained and tuned
compact         the embedded backbone
efficientnet_lite   ImageNet networks that pip installs
ensemble        two of these together
architectures   the networks of keras.applications, by the names people type
keras_layers    layers of Keras, described
keras_families  these networks in such layers
keras_files     their numbers in files of Keras
keras_graph     both -> ONNX graphs
keras_models    the same networks in Keras
keras_apps      these as backbones
nudity          what answers for Nudity
registry        every backbone by its name; what "auto" stands for
model           a backbone and its head, loaded and checked together
kept            features in files, to ask other heads later
"""
