using Contrastive.Samples.ImageSearch;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>Settings of a small experiment.</summary>
internal static class Settings
{
    public static SearchSettings With(bool validation) => new()
    {
        Drawn = 10,
        Device = "cpu",
        Losses = ["infonce", "siglip"],
        Memories = [0, 8],
        BatchSizes = [4, 16],
        LearningRates = [],
        Seeds = [1, 2],
        Epochs = 3,
        Temperature = 0.07,
        Warmup = 0.1,
        WeightDecay = 0,
        Shift = 1,
        PictureSize = 16,
        Buckets = 64,
        Channels = 4,
        Features = 8,
        TestShare = 0.2,
        ValidationShare = 0.1,
        SplitSeed = 0,
        Validation = validation,
        Prompts = ["{}"],
        ProbeDraws = 1,
    };
}
