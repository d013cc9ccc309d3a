"""The text tower's word states come from the same pass as its vector."""

import open_clip
import torch

from lapel.models.composed.clip import ClipTowers


def tiny() -> ClipTowers:
    vision = open_clip.CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=16, image_size=32)
    text = open_clip.CLIPTextCfg(context_length=77, width=32, heads=2, layers=2)
    torch.manual_seed(0)
    return ClipTowers(open_clip.CLIP(24, vision, text))


def test_vectors_equal_open_clip_and_words_end_in_them() -> None:
    towers = tiny()
    tokens = open_clip.get_tokenizer("ViT-B-16")(["is red", "has longer sleeves and a v-neck"])
    with torch.no_grad():
        vectors, words = towers.texts(tokens)
        torch.testing.assert_close(vectors, towers.clip.encode_text(tokens))
        assert words.shape == (2, 77, towers.dim) and towers.dim == 24
        for row, end in enumerate(tokens.argmax(dim=1)):
            torch.testing.assert_close(words[row, end], vectors[row])
        assert towers.images(torch.randn(2, 3, 32, 32)).shape == (2, 24)
    assert not any(weight.requires_grad for weight in towers.parameters())
