using Contrastive.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// How far the expected gradient of a batch is from that of InfoNCE over all pairs, by all weights of towers that are held
/// fixed, without augmentation.
/// </summary>
internal sealed class BiasMeasurement : IDisposable
{
    /// <summary>In which the table settles before the measurement.</summary>
    private const int WarmUpPasses = 10;

    private readonly TowerPair _towers;
    private readonly Temperature _temperature;
    private readonly Tensor _images;
    private readonly Tensor _tokens;

    /// <param name="temperature">τ.</param>
    /// <param name="data">What they were trained on.</param>
    /// <param name="random">Draws which.</param>
    public BiasMeasurement(TowerPair towers, double temperature, ShapePairs data, int pairs, Generator random)
    {
        _towers = towers;
        _temperature = Temperature.Fixed(temperature);
        Pairs = pairs;
        using var scope = NewDisposeScope();
        var items = randperm(data.Items, ScalarType.Int64, random.device, generator: random)[..pairs];
        _images = TowerPair.Prepare(data.Images.index_select(0, items)).MoveToOuterDisposeScope();
        _tokens = data.Tokens.index_select(0, items).MoveToOuterDisposeScope();
    }

    public int Pairs { get; }

    /// <param name="name">One of <see cref="Losses.Names"/>.</param>
    /// <param name="passes">Over the pairs.</param>
    /// <param name="random">Draws the batches, and u where the loss draws it.</param>
    /// <param name="afterBatch">Is told of every batch that was measured.</param>
    public GradientBiasReport Run(string name, int batchSize, int passes, Generator random, Action afterBatch)
    {
        using var full = new InfoNCELoss(_temperature, ContrastMode.Symmetric);
        // ρ = 1 / visit, what falling step sizes tend to where the towers hardly move.
        using var loss = Losses.Create(name, Pairs, null, _temperature, StepSizeSchedule.Power(1), random);
        loss.to(_images.device);
        Settle(loss, batchSize, random);
        return GradientBias.Estimate(
            _towers.parameters(),
            () => full.forward(_towers.Image.forward(_images), _towers.Text.forward(_tokens)),
            items =>
            {
                afterBatch();
                return loss.forward(
                    _towers.Image.forward(_images.index_select(0, items)), _towers.Text.forward(_tokens.index_select(0, items)), items);
            },
            Pairs,
            batchSize,
            (long)passes * (Pairs / batchSize),
            random);
    }

    public void Dispose()
    {
        _images.Dispose();
        _tokens.Dispose();
        _temperature.Dispose();
    }

    /// <summary>Fills the table, if the loss has one, as training does late in a run, when the towers hardly move.</summary>
    private void Settle(ContrastiveLoss loss, int batchSize, Generator random)
    {
        if (loss is not GammaContrastiveLoss)
            return;
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var (images, texts) = (_towers.Image.forward(_images), _towers.Text.forward(_tokens));
        for (var pass = 0; pass < WarmUpPasses; pass++)
        {
            using var ofPass = NewDisposeScope();
            foreach (var items in randperm(Pairs, ScalarType.Int64, random.device, generator: random).split(batchSize))
            {
                // A last piece of one item has no negative.
                if (items.shape[0] > 1)
                    loss.forward(images.index_select(0, items), texts.index_select(0, items), items);
            }
        }
    }
}

/// <summary>The bias of the minibatch gradient of one loss at one batch size, for one model.</summary>
/// <param name="Model">Its folder.</param>
/// <param name="Temperature">τ.</param>
/// <param name="Loss">One of <see cref="Losses.Names"/>.</param>
/// <param name="RelativeBias">‖E[g_B] - g‖ / ‖g‖ as measured, the noise of the measurement included.</param>
/// <param name="CorrectedRelativeBias">The same less what that noise is expected to add; 0 where it is lost in it.</param>
/// <param name="NoiseFloor">What chance alone would show.</param>
/// <param name="Cosine">Of the angle between E[g_B] as measured and g.</param>
/// <param name="FullGradientNorm">‖g‖.</param>
/// <param name="BatchNoise">√tr(Cov g_B) / ‖g‖, of a single batch.</param>
internal sealed record BiasEntry(
    string Model,
    RunKey Run,
    double Temperature,
    string Loss,
    int BatchSize,
    double RelativeBias,
    double CorrectedRelativeBias,
    double NoiseFloor,
    double Cosine,
    double FullGradientNorm,
    double BatchNoise,
    long Batches);
