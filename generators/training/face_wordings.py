"""Noun phrases for what a face shows, by attribute and value; colours are in `face_words`.

The first of each is the plainest. The last two are held out of training, and say the same with words that other
wordings train: what a model is then asked is to put together what it knows, not to know a dictionary.
"""

from __future__ import annotations

from .faces import NONE

WORDINGS: dict[str, dict[str, str]] = {
    "hair_style": {
        "side swept": "side-swept hair, hair swept to one side, a side parting, hair combed to the side, "
        "side-parted hair, a side part, hair parted on one side, hair swept to the side",
        "undercut": "an undercut, an undercut hairstyle, shaved sides, hair short at the sides, "
        "a faded haircut, hair shaved at the sides, an undercut haircut, short shaved sides",
        "spiky": "spiky hair, spiked hair, messy spiky hair, pointy hair, hair in spikes, hair standing up, "
        "a spiky hairstyle, a spiked haircut",
        "bun": "a bun, hair in a bun, a hair bun, hair tied up, a top bun, a topknot, a bun on the head, "
        "hair tied in a bun, a bun on top of the head",
        "fringe": "a fringe, hair with a fringe, bangs, straight bangs, hair over the forehead, "
        "a straight fringe, hair with bangs, bangs over the forehead, hair with straight bangs",
        "centre parting": "a centre parting, a middle part, hair parted in the middle, a center part, "
        "a middle parting, a center parting, hair parted in the center, a part in the middle",
        "afro": "an afro, afro hair, a big afro, an afro hairstyle, big round hair, a round afro, "
        "a big round afro, round afro hair",
        "curly": "curly hair, curls, a curly hairstyle, hair full of curls, hair in curls, curled hair, "
        "frizzy hair, a curly haircut, hair with curls",
        "mohawk": "a mohawk, a mohawk hairstyle, a punk mohawk, mohawk hair, a mohican, a punk hairstyle, "
        "hair in a mohawk, a mohawk haircut, a punk haircut",
        "bob": "a bob, a bob haircut, bob hair, a chin-length bob, hair in a bob, a short bob, "
        "a bob hairstyle, chin-length hair",
        "buzz cut": "a buzz cut, very short hair, closely cropped hair, cropped hair, a crew cut, "
        "a buzzed head, a buzz haircut, very short cropped hair",
        "bald": "a bald head, no hair, a bald scalp, a hairless head, a shaved head, no hair on the head, "
        "a head without hair, a smooth bald head",
    },
    "hair_length": {
        "short": "short hair, hair cut short, a short haircut, a short hairstyle, hair that is short, "
        "short cut hair, hair with a short cut",
        "shoulder-length": "shoulder-length hair, medium-length hair, hair down to the shoulders, "
        "shoulder length hair, mid-length hair, hair that reaches the shoulders, "
        "medium length hair, hair to the shoulders",
        "long straight": "long straight hair, straight long hair, long hair, sleek long hair, "
        "very long hair, long smooth hair, very long straight hair, long sleek hair",
        "long wavy": "long wavy hair, wavy hair, long hair, wavy long hair, long flowing hair, "
        "very long hair, hair in long waves, very long wavy hair, long hair with waves",
        "ponytail": "a ponytail, hair in a ponytail, a side ponytail, a pony tail, hair tied in a ponytail, "
        "hair in a side ponytail, a long ponytail, hair tied in a side ponytail",
        "pigtails": "pigtails, hair in pigtails, two pigtails, two ponytails, hair in bunches, "
        "hair tied in pigtails, a pair of pigtails, hair in two pigtails, long pigtails",
        "braids": "braids, braided hair, two braids, hair in braids, plaits, plaited hair, two plaits, "
        "a pair of braids, hair in two braids, hair in two plaits",
    },
    "beard": {
        NONE: "no beard, no facial hair, a shaved chin, a clean-shaven face, a bare chin, a beardless face, "
        "a shaved face, a beardless chin",
        "stubble": "stubble, light stubble, a stubbly chin, short stubble, a stubbly beard, "
        "a very short beard, a five o'clock shadow, a stubbly face, stubble on the chin",
        "full beard": "a full beard, a beard, a thick beard, a trimmed beard, a bushy beard, a big beard, "
        "a thick full beard, a full bushy beard",
        "long beard": "a long beard, a beard, a big long beard, a very long beard, a big beard, "
        "a long flowing beard, a wizard's beard, a long bushy beard, a long thick beard",
        "moustache": "a moustache, a mustache, a thick moustache, a big mustache, a bushy moustache, "
        "a handlebar moustache, a thick mustache, a big moustache",
        "goatee": "a goatee, a goatee beard, a chin beard, a small beard on the chin, a small goatee, "
        "a beard on the chin, a small chin beard, a short goatee",
    },
    "glasses": {
        NONE: "no glasses, no eyeglasses, no spectacles, bare eyes, no glasses at all, "
        "nothing in front of the eyes, no specs, nothing over the eyes",
        "round glasses": "round glasses, glasses, circular glasses, round eyeglasses, "
        "glasses with round lenses, round specs, a pair of round glasses, "
        "round spectacles, circular eyeglasses",
        "square glasses": "square glasses, glasses, rectangular glasses, square eyeglasses, "
        "glasses with square lenses, rectangular spectacles, a pair of square glasses, "
        "square spectacles, rectangular eyeglasses",
        "sunglasses": "sunglasses, dark glasses, black sunglasses, a pair of sunglasses, shades, "
        "black shades, glasses with dark lenses, dark shades, dark sunglasses",
    },
    "hat": {
        NONE: "no hat, a bare head, nothing on the head, no cap, an uncovered head, no hat at all, "
        "no headwear, a hatless head",
        "beanie": "a beanie, a beanie hat, a woolly hat, a knitted hat, a bobble hat, a wool hat, "
        "a winter hat, a knitted beanie, a woolly beanie",
        "cap": "a cap, a baseball cap, a peaked cap, a sports cap, a cap with a peak, a baseball hat, "
        "a sports hat, a peaked baseball cap",
        "top hat": "a top hat, a tall hat, a magician's hat, a tall top hat, a gentleman's hat, "
        "a high hat, a magician's top hat, a gentleman's top hat",
        "crown": "a crown, a golden crown, a gold crown, a royal crown, a king's crown, a crown of gold, "
        "a golden royal crown, a king's gold crown",
    },
    "earrings": {
        NONE: "no earrings, bare ears, no jewellery, plain ears, no earrings at all, nothing on the ears, "
        "ears without earrings, nothing in the ears",
        "hoop": "hoop earrings, earrings, big hoop earrings, gold hoops, ring earrings, "
        "large round earrings, two hoop earrings, big earrings, gold hoop earrings, two gold hoops",
        "stud": "stud earrings, earrings, small earrings, gold studs, ear studs, little round earrings, "
        "two stud earrings, gold stud earrings, two gold studs",
    },
    "mouth": {
        "smile": "a smile, a slight smile, a closed smile, a gentle smile, a small smile, a smiling mouth, "
        "a happy expression, a gentle closed smile, a smiling expression",
        "laugh": "a laugh, a big smile, an open smile, a laughing mouth, a wide smile, a broad grin, "
        "a happy expression, a big open smile, a wide grin",
        "sad": "a sad mouth, a frown, a sad face, a sad expression, a downturned mouth, "
        "an unhappy expression, an unhappy look, an unhappy mouth, a sad look",
        "gritted teeth": "gritted teeth, an angry mouth, bared teeth, clenched teeth, an angry expression, "
        "a grimace, an angry look, a mouth with gritted teeth, an angry grimace",
        "surprised": "an open mouth, a surprised mouth, a round open mouth, a surprised expression, "
        "a surprised look, a shocked expression, a shocked mouth, a round surprised mouth",
        "neutral": "a straight mouth, a neutral mouth, a neutral expression, a serious expression, "
        "a flat mouth, a serious look, a serious mouth, a neutral look",
    },
    "eyes": {
        "open": "open eyes, normal eyes, calm open eyes, relaxed eyes, calm eyes, both eyes open, "
        "relaxed open eyes, normal open eyes",
        "wide": "wide eyes, wide open eyes, big eyes, big round eyes, staring eyes, eyes wide open, "
        "large eyes, big open eyes, large round eyes",
        "smiling": "smiling eyes, happy closed eyes, laughing eyes, happy eyes, eyes squeezed shut, "
        "eyes closed with joy, smiling closed eyes, laughing closed eyes",
        "closed": "closed eyes, eyes closed, shut eyes, sleeping eyes, both eyes closed, "
        "eyes looking down, lowered eyelids, eyes shut, both eyes shut",
        "winking": "a wink, one eye closed, a winking eye, one closed eye, one winking eye, "
        "a playful wink, one eye shut, one shut eye",
    },
    "eyebrows": {
        "neutral": "neutral eyebrows, relaxed eyebrows, normal eyebrows, level eyebrows, calm eyebrows, "
        "neutral brows, normal brows, level brows",
        "raised": "a raised eyebrow, one raised eyebrow, one eyebrow up, a cocked eyebrow, "
        "one eyebrow raised, a raised brow, one raised brow, one brow up",
        "angry": "angry eyebrows, frowning eyebrows, lowered eyebrows, angry brows, furrowed brows, "
        "furrowed eyebrows, frowning brows, lowered brows",
        "high": "high eyebrows, raised eyebrows, both eyebrows raised, arched eyebrows, high brows, "
        "two raised eyebrows, arched brows, both brows raised",
        "worried": "worried eyebrows, sad eyebrows, slanted eyebrows, worried brows, anxious eyebrows, "
        "sad brows, anxious brows, slanted brows",
    },
    "clothes": {
        "turtleneck": "a turtleneck, a turtleneck sweater, a high collar, a polo neck, "
        "a turtleneck jumper, a sweater with a high collar, a jumper with a high collar, a turtleneck top",
        "jacket": "a jacket, an open jacket, a jacket over a shirt, a coat, an open coat, a blazer, "
        "a coat over a shirt, a jacket that is open",
        "dress": "a dress, a sleeveless dress, a tank top, a sleeveless top, a strappy dress, "
        "a top without sleeves, a dress without sleeves, a strappy top",
        "sweater": "a sweater over a shirt, a shirt collar, a collared shirt, a v-neck sweater, "
        "a jumper over a shirt, a sweater with a shirt collar, a jumper with a shirt collar, a v-neck jumper",
        "t-shirt": "a t-shirt, a tee shirt, a tshirt, a crew-neck shirt, a plain t-shirt, "
        "a crew-neck t-shirt, a tee, a plain tee, a crew-neck tee",
    },
    "background": {
        "plain": "a plain background, a solid background, a simple background, a blank background, "
        "a plain backdrop, a flat background, a simple backdrop, a solid backdrop",
        "gradient": "a gradient background, a shaded background, a fading background, a gradient backdrop, "
        "a background with a gradient, a background that gets darker, a shaded backdrop, a fading backdrop",
        "stripes": "a striped background, stripes in the background, diagonal stripes behind, "
        "a stripy background, a striped backdrop, a background with stripes, "
        "a background with diagonal stripes, a stripy backdrop",
        "dots": "a dotted background, a polka dot background, dots in the background, a spotted background, "
        "a background with dots, a dotted backdrop, a polka dot backdrop, a background with polka dots",
        "checks": "a checked background, a checkered background, a checkerboard background, "
        "a chequered background, a checked backdrop, squares in the background, a background with checks, "
        "a checkered backdrop, a background with squares",
    },
    "head_shape": {
        "round": "a round face, a round head, a wide face, a full face, a wide head, a round wide face, "
        "a full round face, a wide round head",
        "long": "a long face, a long head, a tall face, a tall head, a stretched face, an oblong face, "
        "an oblong head, a stretched head",
        "square": "a square face, a square jaw, a square head, a broad jaw, a boxy face, a wide jaw, "
        "a boxy head, a broad square jaw",
        "narrow": "a narrow face, a thin face, a slim face, a slender face, a narrow head, a thin head, "
        "a slim head, a slender head",
    },
    "nose": {
        "small": "a small nose, a little nose, a tiny nose, a button nose, a small button nose, "
        "a tiny little nose, a tiny button nose, a very small nose",
        "round": "a round nose, a rounded nose, a bulb nose, a ball-shaped nose, a ball nose, "
        "a bulbous nose, a round bulb nose, a round ball nose",
        "wide": "a wide nose, a broad nose, a big nose, a flat nose, a large nose, a broad flat nose, "
        "a wide flat nose, a large broad nose",
        "pointed": "a pointed nose, a pointy nose, a long nose, a sharp nose, a long pointed nose, "
        "a sharp pointed nose, a long pointy nose, a sharp pointy nose",
    },
    "freckles": {
        "no": "no freckles, clear cheeks, unfreckled skin, plain cheeks, no spots on the cheeks, "
        "clear skin, unfreckled cheeks, cheeks without freckles",
        "yes": "freckles, freckles on the cheeks, a freckled face, freckled cheeks, spots on the cheeks, "
        "a freckly face, freckled skin, freckly cheeks, freckly skin",
    },
    "age": {
        "young": "a young face, no wrinkles, smooth skin, a youthful look, a youthful face, "
        "an unwrinkled face, no lines on the face, a young look, unwrinkled skin",
        "old": "wrinkles, an old face, a wrinkled face, lines on the face, an aged face, wrinkled skin, "
        "an elderly face, deep wrinkles, wrinkles on the face, an old look",
    },
}
