"""How the shipped knowledge was made: from pictures and films to backbone, heads, detector and card. Not in the wheel.

kept         arrays kept between runs
views        pictures as a training network sees them
teach        what teachers say about pictures, in shards
distill      the embedded network learns from them
labelled     labelled pictures, and what networks see in them
priors       what the names of ImageNet's classes say about tags
regression   heads by logistic regression
heads        heads learned from what networks see
figures      figures for people
portable     what a head is worth to networks of another family
crossval     backbones against one another
trailers     made-up trailers whose tags are known
witness      networks that know the classes of ImageNet
stills       real films, by a few stills of each
alarms       how often open_nsfw is wrong
gathered     what every network sees, and the heads that can be learned from it
testcards    frames that show nothing, of kinds that nothing is learned from
blanks       frames that show nothing, as all networks see them
certain      confidence for heads
card_sure    what the card says of confidence
card         the card of the shipped vocabulary
movies50     heads, figures and card of the shipped vocabulary
joins        films as thumbnails; dissolves, fades, wipes
sights       light, old film, bars, boxes, split screens, few pictures a second
incidents    what passes before the camera, flashes, jerks
reels        films that are made of the shots of others
boundaries   the networks of our detector learn from them
"""
