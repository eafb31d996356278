"""Training of a vocabulary: folders of pictures -> features -> head, with its figures and card.

corrected     keyframes of films that a person put right, as pictures to train with
copies        pictures that are copies of one another
recipe        every choice of a training
folders       the folders of tags below the roots
store         what was computed from pictures, kept between runs
dataset       pictures with their tags, each once
splits        which of them are learned from, judged by, asked about at the end
features      what a backbone sees in them
augment       pictures changed at random
batches       what training sees, batch by batch
calibration   logits -> probabilities that mean what they say
regression    a head by logistic regression
shows         whether a picture shows anything at all
nothings      frames that show nothing
films         made-up films, as draws of answers about pictures
sure          confidence, learned from such films
heads         heads as they are trained, in numpy
networks      a backbone with its head as Keras trains them
fit           the training loop
learner       data, split, recipe -> a head, and perhaps a tuned backbone
certain       confidence for a head that was just trained
strategy      which strategy suits the pictures
result        what is to be trained, and all there is to know of it afterwards
bench         the pictures of a request, its backbone, what that sees in them
charts        curves, confusion matrix, tables
gallery       a page of test pictures
card          the card of a vocabulary
written       a finished training as files
run           `movietags train`
studies       comparisons of training choices
"""
