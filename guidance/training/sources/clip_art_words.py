"""What the folders and keywords of clip art say, and which of them name nothing that can be seen."""

from __future__ import annotations

# Folder below the clip art's root -> what its pictures show. A folder that is not here says nothing by itself.
FOLDERS = {
    "animals": "animal",
    "animals/bugs": "insect",
    "animals/amphibian": "amphibian",
    "animals/dinosaurs": "dinosaur",
    "animals/mammals/bears": "bear",
    "animals/mammals/horses": "horse",
    "animals/mammals/big_cats": "big cat",
    "animals/mammals/housecats": "cat",
    "animals/mammals/dogs": "dog",
    "animals/birds": "bird",
    "animals/birds/penguin": "penguin",
    "animals/fish": "fish",
    "buildings": "building",
    "buildings/homes": "house",
    "buildings/furniture": "furniture",
    "computer/folders": "folder",
    "computer/buttons": "button",
    "computer/hardware": "computer hardware",
    "containers": "container",
    "education/books": "book",
    "electronics/battery": "battery",
    "electronics/bulb": "light bulb",
    "food": "food",
    "food/fruit": "fruit",
    "food/dairy": "dairy product",
    "food/beverages": "drink",
    "food/beverages/alcohol": "alcoholic drink",
    "food/vegetables": "vegetable",
    "food/desserts": "dessert",
    "office/telephone": "telephone",
    "people": "person",
    "people/bodypart": "body part",
    "people/smilies": "smiley",
    "people/stickmen": "stick figure",
    "people/clothing": "clothing",
    "people/clothing/jewelry": "jewelry",
    "people/clothing/hats": "hat",
    "plants": "plant",
    "plants/trees": "tree",
    "plants/trees/evergreen": "evergreen tree",
    "plants/flowers": "flower",
    "recreation/holiday/christmas": "christmas",
    "recreation/holiday/easter": "easter",
    "recreation/holiday/valentines": "valentine",
    "recreation/games/chess": "chess piece",
    "recreation/games/dice": "dice",
    "recreation/toys": "toy",
    "shapes/arrows": "arrow",
    "shapes/callouts": "speech bubble",
    "signs_and_symbols": "sign",
    "signs_and_symbols/money": "money",
    "signs_and_symbols/hazard": "warning sign",
    "signs_and_symbols/clocks": "clock",
    "signs_and_symbols/awards": "award",
    "tools/weapons": "weapon",
    "transportation/roadsigns": "road sign",
    "transportation/aiga-symbols": "pictogram",
    "transportation/vehicles/hummers": "off-road vehicle",
}

# Generated shapes, themes of desktop icons, map symbols, flags, cards, patterns, copies, brands, adult pictures.
FOLDERS_LEFT_OUT = (
    "computer/icons",
    "computer/diagrams",
    "logos",
    "people/clothing/pantyhose",
    "recreation/games/cards",
    "shapes/flowchart",
    "shapes/jigsaw",
    "shapes/stars",
    "signs_and_symbols/flags",
    "signs_and_symbols/led",
    "signs_and_symbols/map_symbols",
    "special",
    "unsorted/duplicates",
)

# One of these words in the path or among the keywords, and the picture is left out.
WORDS_LEFT_OUT = frozenset(
    """
    sexy nude naked erotic stripper lingerie babe pantyhose bikini nazi swastika
    logo logos linux debian ubuntu gnome microsoft windows openoffice coke velocette organizations skoda
    flag flags ikurrina theme appicon mimeicon mapsym bwh template font fonts creation
    """.split()
)

# Words that say nothing about the picture: what files are, where they came from, what a desktop theme uses them for.
NOISE = frozenset(
    """
    clip art clipart cliparts image images picture media svg png public domain externalsource openclipart unsorted
    hash special icon icons menu webpage mimetypes action actions application applications day nice style various
    inkscape drawing illustration silhouette cartoon fun go back part form no_name activities object objects etiquette
    simple aiga sketch black_and_white bullet_point rating places recreation lovecraft shot sudden quick fast
    sample samples activity state model look outline cut full small big large right left upper lower
    example examples saint one half geometry flowchart viewable highlight highlights contour md html www com
    rpg otto story quality new good stylized 11 shaded decorated clothing-item cad
    """.split()
)

# What people wrote -> what it is called.
SPELLING = {
    "icecream": "ice cream",
    "bodypart": "body part",
    "roadsign": "road sign",
    "vegitable": "vegetable",
    "xmas": "christmas",
    "valentines": "valentine",
    "stickmen": "stick figure",
    "smilies": "smiley",
    "christmas": "christmas",
    "easter": "easter",
    "halloween": "halloween",
    "thanksgiving": "thanksgiving",
    "eiffeltower": "eiffel tower",
    "peacesymbol": "peace symbol",
    "bullethole": "bullet hole",
    "toothedwhale": "toothed whale",
    "noze": "nose",
    "beatle": "beetle",
    "people": "person",
    "humans": "human",
    "homes": "home",
    "baloon": "balloon",
    "baloons": "balloons",
    "musicsym": "musical symbol",
    "weathersym": "weather symbol",
    "arrowshape": "arrow",
    "signs_and_symbols": "sign",
    "signs and symbols": "sign",
    "beverage": "drink",
    "callout": "speech bubble",
    "religholiday": "religious holiday",
    "packman": "pac-man",
    "joypad": "gamepad",
    "microsphone": "microphone",
    "moons": "moon",
    "hearth": "heart",
    "bluewhale": "blue whale",
    "chesspieces": "chess piece",
    "baloni": "balloon",
    "smartcard": "smart card",
    "piggybank": "piggy bank",
    "beachball": "beach ball",
    "sandglass": "hourglass",
    "oneway": "one way",
    "glace": "ice cream",
    "cone": "ice cream cone",
    "desserts": "dessert",
    "tools": "tool",
    "buttons": "button",
    "autos": "cars",
    "envelop": "envelope",
}

# True of many pictures that look nothing alike, so they come last and never stand alone.
BROAD = frozenset(
    """
    symbol symbols sign shape shapes geography recreation office computer education transport transportation
    electronics equipment entertainment religion decoration decorations decorative work place festive holiday tool
    tools science protein carbohydrate mammal animal person food plant building music sports party device
    hardware security network internet desktop study idea ideas map fantasy space astronomy africa asia europe
    america oceania italy spain germany france warning caution flourish toy vehicle pictogram drink symbol buttons
    object game weather water light clothing money fruit dessert insect
    """.split()
)
# The few of them that do stand alone: they are seen.
SEEN = frozenset(
    "animal person food plant building clothing money fruit dessert insect drink vehicle toy".split()
)

COLOURS = frozenset(
    "black white red green blue yellow orange purple pink brown grey gray beige gold silver".split()
)

# Authors who name files in another language than English (the words happen to be English ones now and then).
FOREIGN_AUTHORS = ("rollandin", "guillou", "omic.ch", "clemente", "sergio luiz", "zazou", "fidi")

# Words that join others in a file's name; short nouns that WordNet has are mostly initials here.
JOINING = frozenset("a and at for from in no of on over the to two three under up with without".split())
SHORT_WORDS = frozenset({"tv", "cd", "pc", "ox"})
