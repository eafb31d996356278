"""What the names of ImageNet's classes say about tags, before any picture is seen.

A tag whose pictures are few can rest on this: "prison" and "military uniform" are classes that networks know already.
"""

from __future__ import annotations

import numpy as np

from tagger.models.evidence import CLASS_COUNT
from tagger.records import Floats

# Index of the class in ImageNet's order, by the slug of a tag that it speaks for.
CLASSES_OF: dict[str, tuple[int, ...]] = {
    "action": (751, 817, 665, 670),  # racer, sports car, moped, motor scooter
    "bomb-explosion": (980, 744, 657, 471),  # volcano, projectile, missile, cannon
    "car-chase": (751, 817, 734, 511),  # racer, sports car, police van, convertible
    "destruction": (913, 980),  # wreck, volcano
    "sword-fight": (461, 524, 490, 787),  # breastplate, cuirass, chain mail, shield
    "vehicle-crash": (913, 864),  # wreck, tow truck
    "abduction": (796, 763, 413),  # ski mask, revolver, assault rifle
    "heist": (771, 796, 763),  # safe, ski mask, revolver
    "animal": tuple(range(398)),  # all animals, from tench to puffer
    "beach-sea": (978, 977, 976, 975),  # seashore, sandbar, promontory, lakeside
    "climbing": (972, 970),  # cliff, alp
    "desert": (354,),  # camel
    "hiking": (414, 970),  # backpack, alp
    "valleys-hills": (979, 970),  # valley, alp
    "children": (529, 516, 520, 843),  # diaper, cradle, crib, swing
    "club-bar": (441, 503, 762),  # beer glass, cocktail shaker, restaurant
    "music": (402, 546, 541, 889, 486, 819, 650, 579),  # guitars, drum, violin, cello, stage, microphone, piano
    "wedding": (982, 578, 601),  # groom, gown, hoopskirt
    "college-university": (400, 667, 624),  # academic gown, mortarboard, library
    "hospital": (830, 823, 845, 407),  # stretcher, stethoscope, syringe, ambulance
    "drinking": (441, 440, 907, 966, 572),  # beer glass, beer bottle, wine bottle, red wine, goblet
    "food": (923, 963, 933, 924, 925, 762),  # plate, pizza, cheeseburger, guacamole, consomme, restaurant
    "exercise": (543, 422, 416, 702),  # dumbbell, barbell, balance beam, parallel bars
    "sports": (805, 430, 768, 890, 560, 981),  # balls of soccer, basketball, rugby, volleyball; helmet, ballplayer
    "swimming": (842, 433, 801, 639),  # swimming trunks, bathing cap, snorkel, maillot
    "glamor-fashion": (578, 655, 629),  # gown, miniskirt, lipstick
    "horror": (643,),  # mask
    "lab-experiment": (438, 712, 617),  # beaker, petri dish, lab coat
    "sci-fi": (812, 657),  # space shuttle, missile
    "technology": (620, 527, 664, 782, 487, 508),  # laptop, desktop, monitor, screen, telephone, keyboard
    "military": (652, 847, 413, 465),  # military uniform, tank, assault rifle, bulletproof vest
    "police": (734, 465),  # police van, bulletproof vest
    "prison": (743,),  # prison
    "war": (847, 652, 471, 895),  # tank, military uniform, cannon, warplane
    "weapon": (763, 764, 413, 597),  # revolver, rifle, assault rifle, holster
    "animation": (917,),  # comic book
}


def prior(slugs: tuple[str, ...], strength: float) -> Floats:
    """Returns the head (1001, tags), bias last, that says `strength` for each class that speaks for a tag."""
    answer = np.zeros((CLASS_COUNT + 1, len(slugs)), np.float32)
    for place, slug in enumerate(slugs):
        answer[list(CLASSES_OF.get(slug, ())), place] = strength
    return answer
