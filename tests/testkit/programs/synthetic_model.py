"""Makes a Canary, Parakeet or Nemotron model in GGUF form with random weights: in the real shape, or a small one for tests.

usage: synthetic_model.py canary|parakeet|nemotron small|real WRITES FILE.gguf [LANGUAGE…]

The text that the model writes does not depend on the sound. WRITES: `nothing`, or `loop` (one word repeated until the library
stops it). So the model tests loading, memory, cost, cancelling and the handling of such answers, but not accuracy. The same
arguments give the same file. Needs only Python.
"""

import random
import struct
import sys

F32, F16, Q8_0 = 0, 1, 8
ALIGNMENT = 32
# Number of random blocks of 32 weights. Each tensor repeats them with its own scale, which is random enough.
TILE_BLOCKS = 4096


class Model:
    """The content of the file: metadata values, and tensors with their data."""

    def __init__(self, architecture: str) -> None:
        self.values: list[bytes] = []
        self.tensors: list[tuple[str, list[int], int, object]] = []
        numbers = random.Random(1)
        self.tile = [numbers.randbytes(32) for _ in range(TILE_BLOCKS)]
        self.text("general.architecture", architecture)
        self.text("general.name", "synthetic")

    def key(self, name: str, kind: int, content: bytes) -> None:
        self.values.append(string(name) + struct.pack("<I", kind) + content)

    def u32(self, name: str, value: int) -> None:
        self.key(name, 4, struct.pack("<I", value))

    def i32(self, name: str, value: int) -> None:
        self.key(name, 5, struct.pack("<i", value))

    def f32(self, name: str, value: float) -> None:
        self.key(name, 6, struct.pack("<f", value))

    def flag(self, name: str, value: bool) -> None:
        self.key(name, 7, struct.pack("<B", value))

    def text(self, name: str, value: str) -> None:
        self.key(name, 8, string(value))

    def texts(self, name: str, values: list[str]) -> None:
        self.key(name, 9, struct.pack("<IQ", 8, len(values)) + b"".join(map(string, values)))

    def i32s(self, name: str, values: list[int]) -> None:
        self.key(name, 9, struct.pack(f"<IQ{len(values)}i", 5, len(values), *values))

    def matrix(self, name: str, inputs: int, outputs: int) -> None:
        """Adds a matrix of small random 8-bit weights."""
        scale = struct.pack("<e", 0.02 / inputs**0.5)
        self.tensors.append((name, [inputs, outputs], Q8_0, scale))

    def single(self, name: str, *dims: int, value: float = 0.0) -> None:
        count = product(dims)
        self.tensors.append((name, list(dims), F32, struct.pack("<f", value) * count))

    def convolution(self, name: str, *dims: int) -> None:
        numbers = random.Random(name)
        some = b"".join(struct.pack("<e", numbers.gauss(0, 0.02)) for _ in range(997))
        size = 2 * product(dims)
        self.tensors.append((name, list(dims), F16, (some * (size // len(some) + 1))[:size]))

    def linear(self, name: str, inputs: int, outputs: int, biased: bool = True) -> None:
        self.matrix(name + ".weight", inputs, outputs)
        if biased:
            self.single(name + ".bias", outputs)

    def norm(self, name: str, width: int) -> None:
        self.single(name + ".weight", width, value=1.0)
        self.single(name + ".bias", width)

    def always(self, name: str, count: int, *tokens: int) -> None:
        """Adds a bias with which these tokens always win."""
        values = [0.0] * count
        for token in tokens:
            values[token] = 50.0
        self.tensors.append((name, [count], F32, struct.pack(f"<{count}f", *values)))

    def content(self, dims: list[int], kind: int, given: object) -> bytes:
        if kind != Q8_0:
            return given
        blocks = product(dims) // 32
        tile = b"".join(given + weights for weights in self.tile[: min(blocks, TILE_BLOCKS)])
        return (tile * (blocks // TILE_BLOCKS + 1))[: 34 * blocks]

    def write(self, path: str) -> None:
        sizes = [34 * product(d) // 32 if k == Q8_0 else (4 if k == F32 else 2) * product(d) for _, d, k, _ in self.tensors]
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.values)) + b"".join(self.values)
        at = 0
        for (name, dims, kind, _), size in zip(self.tensors, sizes):
            head += string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, at)
            at += padded(size)
        with open(path, "wb") as out:
            out.write(head.ljust(padded(len(head)), b"\0"))
            for (_, dims, kind, given), size in zip(self.tensors, sizes):
                out.write(self.content(dims, kind, given).ljust(padded(size), b"\0"))


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def product(dims) -> int:
    result = 1
    for dim in dims:
        result *= dim
    return result


def padded(size: int) -> int:
    return -size % ALIGNMENT + size


def frontend(model: Model, bands: int, normalize: str = "per_feature") -> None:
    front = "stt.frontend."
    model.text(front + "type", "mel")
    for name, value in (("num_mels", bands), ("sample_rate", 16000), ("n_fft", 512), ("win_length", 400), ("hop_length", 160)):
        model.u32(front + name, value)
    model.text(front + "window", "hann")
    model.text(front + "normalize", normalize)
    for name, value in (("dither", 0.0), ("pre_emphasis", 0.97), ("f_min", 0.0), ("f_max", 8000.0)):
        model.f32(front + name, value)


def encoder(
    model: Model, family: str, biased: bool, bands: int, layers: int, width: int, heads: int, inner: int, channels: int,
    causal: bool = False,
) -> None:
    sizes = {
        "n_layers": layers, "d_model": width, "n_heads": heads, "d_ff": inner, "conv_kernel": 9, "subsampling_factor": 8,
        "subsampling_channels": channels, "pos_emb_max_len": 5000,
    }
    for name, value in sizes.items():
        model.u32(f"stt.{family}.encoder.{name}", value)
    for layer, inputs, size in ((0, 1, 3), (2, 1, 3), (3, channels, 1), (5, 1, 3), (6, channels, 1)):
        model.convolution(f"enc.pre_encode.conv.{layer}.weight", size, size, inputs, channels)
        model.single(f"enc.pre_encode.conv.{layer}.bias", channels)
    # Causal convolutions leave one more band.
    model.linear("enc.pre_encode.out", channels * (bands // 8 + causal), width)
    for i in range(layers):
        block = f"enc.blocks.{i}."
        for name in ("norm_ff1", "norm_attn", "norm_conv", "norm_ff2", "norm_out"):
            model.norm(block + name, width)
        for name in ("ff1", "ff2"):
            model.linear(block + name + ".linear1", width, inner, biased)
            model.linear(block + name + ".linear2", inner, width, biased)
        for name in ("q", "k", "v", "out"):
            model.linear(block + "attn.linear_" + name, width, width, biased)
        model.matrix(block + "attn.linear_pos.weight", width, width)
        for name in ("u", "v"):
            model.single(block + "attn.pos_bias_" + name, width // heads, heads)
        for name, *dims in (("pointwise1", 1, width, 2 * width), ("depthwise", 9, 1, width), ("pointwise2", 1, width, width)):
            model.convolution(f"{block}conv.{name}.weight", *dims)
            if biased:
                model.single(f"{block}conv.{name}.bias", dims[-1])
        model.norm(block + "conv.bn", width)
        if not causal:
            model.single(block + "conv.bn.running_mean", width)
            model.single(block + "conv.bn.running_var", width, value=1.0)


def tokens(model: Model, count: int, special: dict[int, str]) -> None:
    texts = ["<unk>"] + [f"▁w{i}" for i in range(1, count)]
    kinds = [2] + [1] * (count - 1)
    for token, text in special.items():
        texts[token], kinds[token] = text, 3
    model.text("tokenizer.ggml.model", "bpe")
    model.text("tokenizer.ggml.pre", "default")
    model.texts("tokenizer.ggml.tokens", texts)
    model.i32s("tokenizer.ggml.token_type", kinds)
    model.texts("tokenizer.ggml.merges", ["a b"])
    model.u32("tokenizer.ggml.unknown_token_id", 0)


def canary(real: bool, writes: str, languages: list[str]) -> Model:
    """Returns canary-180m-flash, or a small model like it."""
    bands, layers, width, heads, inner, channels = (128, 17, 512, 8, 2048, 256) if real else (128, 1, 64, 4, 64, 32)
    own_layers, own_width, own_heads, own_inner, count = (4, 1024, 8, 4096, 5248) if real else (1, 32, 2, 64, 128)
    model = Model("canary")
    model.text("stt.variant", "canary-180m-flash")
    model.texts("general.languages", languages)
    frontend(model, bands)
    encoder(model, "canary", True, bands, layers, width, heads, inner, channels)
    model.flag("stt.canary.encoder.use_bias", True)
    own = "stt.canary.decoder."
    sizes = {"n_layers": own_layers, "d_model": own_width, "n_heads": own_heads, "d_ff": own_inner, "max_position": 1024, "vocab_size": count}
    for name, value in sizes.items():
        model.u32(own + name, value)
    model.text(own + "activation", "relu")
    model.flag(own + "pre_ln", True)
    model.flag(own + "encoder_decoder_proj", True)
    model.text("stt.canary.tokenizer.prompt_format", "canary2")
    model.texts("stt.canary.tokenizer.lang_codes", ["spl_tokens", *languages])
    model.i32s("stt.canary.tokenizer.lang_offsets", [0] * (1 + len(languages)))
    model.i32s("stt.canary.tokenizer.lang_sizes", [64] * (1 + len(languages)))
    names = (
        "pad nospeech endoftext startoftranscript pnc nopnc startofcontext itn noitn timestamp notimestamp diarize nodiarize "
        "spkchange audioseparator transcribe translate"
    ).split()
    special = {i + 1: f"<|{name}|>" for i, name in enumerate(names)}
    for token, text in special.items():
        model.i32(f"stt.canary.special.{text[2:-2]}_id", token)
    for i, code in enumerate(languages):
        model.i32(f"stt.canary.special.lang.{code}_id", 20 + i)
        special[20 + i] = f"<|{code}|>"
    special[60] = "<|emo:undefined|>"
    tokens(model, count, special)
    model.linear("enc.proj", width, own_width)
    model.matrix("dec.embed.token.weight", own_width, count)
    model.single("dec.embed.pos_enc", own_width, 1024)
    model.norm("dec.embed.norm", own_width)
    for i in range(own_layers):
        layer = f"dec.layer.{i}."
        for name in ("norm1", "norm2", "norm3"):
            model.norm(layer + name, own_width)
        for attention in ("self_attn", "cross_attn"):
            for name in "qkvo":
                model.linear(f"{layer}{attention}.{name}", own_width, own_width)
        model.linear(layer + "ffn.up", own_width, own_inner)
        model.linear(layer + "ffn.down", own_inner, own_width)
    model.norm("dec.norm", own_width)
    model.matrix("dec.head.weight", own_width, count)
    model.always("dec.head.bias", count, {"nothing": 3, "loop": 100}[writes])
    return model


def parakeet(real: bool, writes: str, languages: list[str]) -> Model:
    """Returns parakeet-tdt-0.6b, or a small model like it."""
    bands, layers, width, heads, inner, channels = (128, 24, 1024, 8, 4096, 256) if real else (80, 1, 64, 4, 64, 32)
    own_width, count = (640, 8192) if real else (32, 128)
    model = Model("parakeet")
    model.text("stt.variant", "tdt-0.6b")
    model.texts("general.languages", languages)
    frontend(model, bands)
    encoder(model, "parakeet", False, bands, layers, width, heads, inner, channels)
    tokens(model, count, {})
    own = "stt.parakeet."
    sizes = {
        "predictor.hidden": own_width, "predictor.n_layers": 2, "predictor.vocab": count + 1, "joint.hidden": own_width,
        "joint.num_extra_outputs": 5, "tdt.max_symbols": 10,
    }
    for name, value in sizes.items():
        model.u32(own + name, value)
    model.text(own + "joint.activation", "relu")
    model.i32s(own + "tdt.durations", [0, 1, 2, 3, 4])
    model.matrix("pred.embed.weight", own_width, count + 1)
    for i in range(2):
        model.matrix(f"pred.lstm.{i}.Wx", own_width, 4 * own_width)
        model.matrix(f"pred.lstm.{i}.Wh", own_width, 4 * own_width)
        model.single(f"pred.lstm.{i}.bias", 4 * own_width)
    model.linear("joint.enc", width, own_width)
    model.linear("joint.pred", own_width, own_width)
    model.matrix("joint.out.weight", own_width, count + 6)
    # The token after the text tokens is blank. The last five outputs are durations (frames to skip): always four here.
    model.always("joint.out.bias", count + 6, {"nothing": count, "loop": 100}[writes], count + 1 + 4)
    return model


def nemotron(real: bool, writes: str, languages: list[str]) -> Model:
    """Returns nemotron-3.5-asr-streaming-0.6b, or a small model like it: a streaming Parakeet with the language as input."""
    bands, layers, width, heads, inner, channels = (128, 24, 1024, 8, 4096, 256) if real else (80, 1, 64, 4, 64, 32)
    own_width, count, hidden = (640, 13087, 2048) if real else (32, 128, 32)
    model = Model("parakeet")
    model.text("stt.variant", "nemotron-3.5-asr-streaming-0.6b")
    model.texts("general.languages", languages)
    model.flag("stt.capability.streaming", True)
    frontend(model, bands, "none")
    encoder(model, "parakeet", False, bands, layers, width, heads, inner, channels, causal=True)
    tokens(model, count, {})
    ears = "stt.parakeet.encoder."
    for name, value in (("att_context_left", 56), ("att_context_right", 13), ("conv_context_left", 8), ("conv_context_right", 0)):
        model.i32(ears + name, value)
    model.i32s(ears + "att_context_size_choices", [56, 13, 56, 6, 56, 3, 56, 0])
    model.text(ears + "att_context_style", "chunked_limited")
    model.text(ears + "conv_norm_type", "layer_norm")
    for name, value in (("pre_encode_cache_size", 9), ("drop_extra_pre_encoded", 2), ("sampling_frames_first", 1)):
        model.i32(f"{ears}streaming.{name}", value)
    own = "stt.parakeet."
    model.text(own + "head_kind", "rnnt")
    sizes = {
        "predictor.hidden": own_width, "predictor.n_layers": 2, "predictor.vocab": count + 1, "joint.hidden": own_width,
        "joint.num_extra_outputs": 0, "prompt.num_prompts": 128, "prompt.hidden": hidden, "prompt.auto_id": 101,
    }
    for name, value in sizes.items():
        model.u32(own + name, value)
    model.text(own + "joint.activation", "relu")
    model.text(own + "prompt.field", "target_lang")
    model.text(own + "prompt.activation", "relu")
    model.texts(own + "prompt.dictionary.locales", [*languages, "auto"])
    model.i32s(own + "prompt.dictionary.indices", [*range(len(languages)), 101])
    model.matrix("pred.embed.weight", own_width, count + 1)
    for i in range(2):
        model.matrix(f"pred.lstm.{i}.Wx", own_width, 4 * own_width)
        model.matrix(f"pred.lstm.{i}.Wh", own_width, 4 * own_width)
        model.single(f"pred.lstm.{i}.bias", 4 * own_width)
    model.linear("joint.enc", width, own_width)
    model.linear("joint.pred", own_width, own_width)
    model.matrix("joint.out.weight", own_width, count + 1)
    # The token after the text tokens is blank. The other token is written ten times in each frame: the library's limit.
    model.always("joint.out.bias", count + 1, {"nothing": count, "loop": 100}[writes])
    model.linear("prompt.mlp.0", width + 128, hidden)
    model.linear("prompt.mlp.2", hidden, width)
    return model


def main() -> None:
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    family, shape, writes, path, *languages = sys.argv[1:]
    make = {"canary": canary, "parakeet": parakeet, "nemotron": nemotron}[family]
    make({"small": False, "real": True}[shape], writes, languages or ["en"]).write(path)


if __name__ == "__main__":
    main()
