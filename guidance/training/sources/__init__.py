"""Pictures with words that a CLIP learns from besides faces: icons, clip art, names of photographs' classes.

The data is not shipped. A user puts it into one folder, here DATA, by these commands:

    npm install --prefix DATA @iconify-json/noto @iconify-json/fluent-emoji-flat \\
        @iconify-json/fluent-emoji @iconify-json/twemoji emojibase-data
    (cd DATA && apt-get download openclipart-svg wordnet-base)
    (cd DATA && for deb in *.deb; do dpkg-deb -x "$deb" .; done)

The photographs come with scikit-image and scikit-learn, the classes' order with timm.
"""
