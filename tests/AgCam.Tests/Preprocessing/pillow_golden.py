"""Prints the digests in PillowOrderTests.cs and OblongInputTests.cs: what Pillow makes of generated noise.

Pillow 13 is asked directly. An older one runs the horizontal pass first; where Pillow 13 does not, the result is that of the transposed picture,
transposed back, because both passes have the same arithmetic.
"""
import hashlib

from PIL import Image, __version__

SIZES = [
    (300, 400, 64, 64), (480, 640, 224, 224), (400, 300, 64, 64),  # squashed
    (300, 900, 248, 744), (400, 1000, 248, 620), (640, 1500, 224, 525),  # the shorter side of tall pictures
    (500, 1000, 248, 496), (500, 1001, 248, 496), (500, 1001, 249, 497),  # at the bound
    (60, 50, 61, 40), (60, 50, 90, 49), (50, 60, 70, 90), (200, 900, 20, 541), (200, 900, 20, 539),
]
OBLONG = [
    # source width and height, input height and width, crop_pct
    (300, 200, 64, 96, 1.0), (200, 300, 64, 96, 1.0), (500, 200, 64, 96, 1.0), (333, 257, 64, 96, 0.9), (97, 401, 96, 64, 0.875), (50, 40, 64, 96, 1.0),
]
FILTERS = {"Bilinear": Image.BILINEAR, "Bicubic": Image.BICUBIC, "Lanczos": Image.LANCZOS}


def noise(width, height):
    state, pixels = width * 65536 + height, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        pixels.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(pixels))


def resize(image, to_width, to_height, kernel):
    vertical_first = image.height > to_height and image.height - to_height > 2 * (image.width - to_width)
    if vertical_first and int(__version__.split(".")[0]) < 13:
        return image.transpose(Image.TRANSPOSE).resize((to_height, to_width), kernel).transpose(Image.TRANSPOSE)
    return image.resize((to_width, to_height), kernel)


def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


for width, height, to_width, to_height in SIZES:
    for name, kernel in FILTERS.items():
        print(f"[InlineData({width}, {height}, {to_width}, {to_height}, Interpolation.{name}, \"{digest(resize(noise(width, height), to_width, to_height, kernel))}\")]")

for width, height, input_height, input_width, crop_pct in OBLONG:
    # timm's evaluation transform: resize, keeping the ratio, until both sides cover the target; crop the centre.
    target_height, target_width = int(input_height / crop_pct), int(input_width / crop_pct)
    ratio = min(height / target_height, width / target_width)
    covering = resize(noise(width, height), round(width / ratio), round(height / ratio), Image.BILINEAR)
    left, top = round((covering.width - input_width) / 2), round((covering.height - input_height) / 2)
    cropped = covering.crop((left, top, left + input_width, top + input_height))
    print(f"[InlineData({width}, {height}, {input_height}, {input_width}, {crop_pct}, \"{digest(cropped)}\")]")
