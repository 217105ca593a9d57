using System.Globalization;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Tests.Losses;

/// <summary>
/// Figures that the peers' own code gave, run as it is (in float64, on features made of sines): docs/moving-over.md says which call of ours is
/// which of theirs. open_clip, info-nce-pytorch, GradCache, SupContrast, pytorch-metric-learning (216a792), lightly (e8d317f, after 1.5.26; of
/// 1.5.20 the file before 0111edc), raminnakhli/Decoupled-Contrastive-Learning (f876c83), joshr17/HCL (7b4647f), LibAUC (812f98f) and ALBEF
/// (b9727e4, the loss_ita of its forward with a queue of no rows).
/// </summary>
public class PeerTests
{
    private const double Tolerance = 1e-10;

    // Name, value; of each input the first six numbers of the gradient and its norm.
    private const string Figures = """
        open_clip.ClipLoss ; 4.108315622745 ; -0.137312920258 0.517456476016 -0.106432916024 0.901794794939 -1.095891517369 0.456521976836 5.761347920540 ; -0.242336467197 -0.307841525466 0.379636235257 -0.482098429951 0.059434047314 0.172967094384 1.431167034458
        open_clip.SigLip ; 7.121361355303 ; -0.260988096915 0.594879009870 -0.220586813793 0.712709582111 -0.952425638903 0.341389822136 3.841455653978 ; 0.125515970102 0.173922427021 -0.339217656375 0.965915555846 -0.383017559022 -0.671457354338 1.963103965749
        info_nce ; 5.559259890337 ; -0.492765127552 0.914616970366 -0.426300518336 1.012457870384 -1.487543618428 0.454713384081 12.232855844919 ; -0.594115306364 -0.763401643853 1.016333846859 -0.499477256114 -0.068099763116 0.019571038758 2.493279587446
        info_nce.unpaired ; 3.920148190286 ; -0.008216532085 0.000947902400 -0.007781450798 -0.000934048380 -0.010095849214 -0.002998367882 7.280654754648 ; -0.002520967798 -0.003406638395 0.005960624046 -0.005524531303 0.001980920528 0.003582195853 0.309462703774
        info_nce.paired ; 3.852347510635 ; -0.000000382465 0.000000708805 -0.000000330928 0.000001601983 -0.000002413449 0.000000706044 6.564519788908 ; -0.000000379876 -0.000000513335 0.000000898186 -0.000004382434 0.000001571401 0.000002841642 1.993940859333
        GradCache.Simple ; 1.561454033047 ; -0.062552030949 0.179700628503 -0.069203559334 0.134794085190 -0.151362999011 0.062823389256 0.483885112581 ; -0.102990203887 0.018731149334 0.076453630008 -0.062739756319 0.090417354658 -0.035962569159 0.270790549395
        SupContrast ; 7.508300820565 ; -0.181689597140 0.458515720314 -0.151474822145 1.236403867393 -1.727016182382 0.575430648394 16.841218145935 ; 0.148131628469 0.195872184248 -0.307885429412 -0.444586266060 0.142571754777 0.267543653326 2.794272070541
        lightly.NTXent ; 2.481529178435 ; -0.139160540155 0.267449656156 -0.119959549948 0.134780530200 -0.191746173380 0.061944323936 2.043959611012 ; -0.037573363906 -0.051539235556 0.096378279164 -0.166922098342 0.060229036029 0.108697980396 0.390403606109
        lightly.NTXent.bank ; 2.074503040515 ; -0.053904434022 0.008721663396 -0.050932285375 -0.004512288491 -0.069168670496 -0.019071433002 3.274927125929 ; -0.017785636238 -0.024034115521 0.042052695434 -0.040440547899 0.014500689217 0.026222308289 0.247986977363
        lightly.DCL ; 3.477625072731 ; -0.343598991418 0.668171630358 -0.295822271110 0.423422325854 -0.598851545167 0.195396671562 4.411522236109 ; -0.117151632851 -0.160014320124 0.293784483610 -0.578560303618 0.204459105668 0.371462114197 1.247373986544
        lightly.DCLW ; 4.895739470245 ; -0.267554326587 0.527670686856 -0.230004227903 0.326774069867 -0.456170796394 0.152143365382 5.795743743026 ; -0.057851363750 -0.079880581922 0.153573803354 -0.434263330730 0.152718818569 0.277897612608 1.025266994305
        lightly.1.5.20.DCL ; 6.471101245657 ; -0.376744229620 0.736718521263 -0.324166149246 0.589165636734 -0.833652433762 0.271794968933 7.505847470216 ; 0.083214097424 0.110651056991 -0.179046449763 -0.587213827442 0.224535740254 0.397967854378 1.346789005124
        raminnakhli.DCLW ; 4.895739470245 ; -0.249088517819 0.493553059274 -0.214021733904 0.300231569834 -0.416986397872 0.140264714609 6.081600255007 ; -0.043451570793 -0.060421829771 0.119526659949 -0.394635068755 0.138509389149 0.252202003710 0.991097958967
        HCL.hard ; 2.888954585581 ; -0.123693129780 0.241736539036 -0.106437397430 0.177452004557 -0.251171894647 0.081843951344 1.538333347501 ; -0.048273169141 -0.065851570370 0.120233915974 -0.256105580265 0.089664447932 0.163395649511 0.533536791894
        pml.SupCon ; 4.534280535646 ; 1.812785297964 2.736210927183 1.855420289224 1.228115936161 -2.345223815429 0.429952833127 28.553567650502
        pml.NTXent ; 1.884949309949 ; 0.278841153726 0.922358210591 0.309001717135 0.162744790998 0.985722860025 0.348521978746 13.656687785426
        pml.CrossBatchMemory ; 3.007766267136 ; -0.023468015593 0.037376901273 -0.020593584244 -0.079053853414 0.108366322309 -0.037254656126 6.430990372603
        pml.CrossBatchMemory.SupCon ; 3.284356794214 ; -0.021006192084 0.035265864652 -0.018348109914 -0.031264597457 0.040471532623 -0.015270126450 3.620499751476
        pml.SupCon.ref ; 5.389869949577 ; 0.086942685620 0.009595751124 0.083262615124 1.126335402655 -1.507452996175 0.539004846226 18.723055971518 ; 0.147908056813 0.106817648281 0.566690543243 -0.027164902449 -0.079310488403 -0.092007349458 11.625865323155
        pml.NTXent.ref ; 2.569630274007 ; 0.197808115541 0.300874748710 0.202568813226 0.491753023825 -0.574492333872 0.254138730881 9.337251149768 ; 0.097228021607 0.080427890605 0.271958723057 -0.216841139892 -0.118720880812 -0.101254710654 8.233477074221
        pml.NTXent.views ; 3.555515769056 ; -0.291366353340 0.571445604803 -0.250624346206 0.395335757968 -0.557777836484 0.182739258717 4.353319047959 ; -0.110025972701 -0.150059619280 0.273729466328 -0.535296509195 0.188528297871 0.342894865394 1.146769512825
        ALBEF ; 3.888229362871 ; 0.163019865626 0.323723836366 0.170509190775 0.253127462150 0.172889160309 0.236192882482 3.430390034645 ; 0.077044640668 0.103181423151 -0.173000441144 0.040413482098 0.005319564959 -0.001818019453 0.273981693477
        LibAUC.bimodal.0 ; 1.576050228451 ; -0.175132071478 0.461082749478 -0.145108104494 0.567689276143 -0.712432658755 0.282312838709 3.073297682888 ; -0.139500905524 -0.172088206808 0.168108396599 -0.255707746688 0.027569232696 0.086874228034 0.715236659408
        LibAUC.bimodal.1 ; 1.912445221956 ; -0.028769478822 -0.046743158224 0.145492000173 0.670768193374 0.000265034551 -0.138536044737 1.043250197750 ; -0.467959476585 0.892069555790 -0.203726002046 0.135409809851 -0.106051531013 0.115598804028 2.246379276204
        LibAUC.bimodal.2 ; 7.201965840016 ; 0.276009508189 -0.192610184747 -0.273756581211 0.073938271795 0.154393696094 -0.416879077804 0.870463959584 ; -0.107644359982 0.107208150998 0.191545141069 -0.030588984859 -0.027426342593 0.251600578173 0.503728151798
        LibAUC.unimodal.0 ; 0.855139704767 ; -0.137439596567 0.267268652143 -0.118328908444 0.169368930342 -0.239540618067 0.078158668625 1.764608894443 ; -0.046860653140 -0.064005728049 0.117513793444 -0.231424121447 0.081783642267 0.148584845679 0.498949594618
        LibAUC.unimodal.1 ; 1.279449090278 ; 0.160447110069 0.206419053442 -0.276976866025 0.177827354517 -0.022606715542 -0.064642597517 0.639713134038 ; -0.109301469632 0.216780805088 -0.045953956017 0.191588274070 -0.284227830526 0.152427749909 0.652385450268
        LibAUC.unimodal.2 ; 3.212920899174 ; 0.136878839914 -0.050966330820 -0.083790365464 0.011658842987 0.019883856468 -0.038996387633 0.255064949881 ; -0.067326488456 0.016236341686 0.049379592223 0.023514286551 0.022500894712 -0.037541916711 0.142669374686
        """;

    private static readonly long[] Labels = [0, 1, 0, 2, 1];

    [Fact]
    public void Open_clip_ClipLoss()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(1.0 / 8), ContrastMode.Symmetric);
        Check("open_clip.ClipLoss", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void Open_clip_SigLipLoss()
    {
        using var loss = new SigmoidContrastiveLoss(Temperature.Fixed(1.0 / 8), initialBias: -3);
        Check("open_clip.SigLip", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void ALBEF_without_its_queue_is_InfoNCE_of_momentum_features_and_targets()
    {
        var (images, texts) = (F.normalize(Rows(5, 3).detach(), dim: 1), F.normalize(Rows(5, 4).detach(), dim: 1));
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2));
        var similarities = images.matmul(texts.t()) / 0.2;
        Check(
            "ALBEF",
            inputs => (loss.forward(inputs[0], texts, null, Targets(similarities)) + loss.forward(inputs[1], images, null, Targets(similarities.t()))) / 2,
            Rows(5, 1), Rows(5, 2));

        static PairMap Targets(Tensor similarities)
            => PairMap.FromTargets((similarities.softmax(dim: 1) * 0.4) + (eye(5, dtype: ScalarType.Float64) * 0.6));
    }

    [Fact]
    public void Lightly_NTXentLoss()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(0.5), ContrastMode.TwoViews);
        Check("lightly.NTXent", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void Lightly_NTXentLoss_with_a_memory_bank_has_its_rows_as_the_only_negatives()
    {
        var bank = Rows(4, 5).detach();
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2));
        Check("lightly.NTXent.bank", inputs => loss.EvaluateNegatives(inputs[0], inputs[1], bank).Loss, Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void Lightly_DCLLoss_is_ours_since_1_5_21_and_had_two_logarithms_before()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.TwoViews, decoupled: true);
        Check("lightly.DCL", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
        double.Parse(Figure("lightly.1.5.20.DCL")[1], CultureInfo.InvariantCulture).Should().BeGreaterThan(1.8 * loss.forward(Rows(5, 1), Rows(5, 2)).item<double>());
    }

    /// <summary>raminnakhli's takes unit rows and one direction; the figures are the mean of both. lightly's has the same value.</summary>
    [Fact]
    public void DCLW_has_a_gradient_through_its_weights_as_in_raminnakhlis_code_and_not_in_lightlys()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.TwoViews, decoupled: true, misesFisherSigma: 0.5);
        Check("raminnakhli.DCLW", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
        Figure("lightly.DCLW")[1].Should().Be(Figure("raminnakhli.DCLW")[1]);
        var (z0, z1) = (Rows(5, 1), Rows(5, 2));
        Distance("lightly.DCLW", Gradients.Of(loss.forward(z0, z1), z0, z1)).Should().BeInRange(0.05, 0.1);
    }

    [Fact]
    public void HCL_with_its_hard_estimator()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(0.5), ContrastMode.TwoViews, hardNegatives: new HardNegatives(beta: 1, positivePrior: 0.1));
        Check("HCL.hard", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void Info_nce_pytorch_in_its_three_modes()
    {
        var (negatives, own) = (Rows(4, 5).detach(), stack([.. Enumerable.Range(0, 5).Select(i => Rows(2, 10 + i).detach())]));
        Check("info_nce", inputs => F.info_nce(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
        Check("info_nce.unpaired", inputs => F.info_nce(inputs[0], inputs[1], negatives), Rows(5, 1), Rows(5, 2));
        Check("info_nce.paired", inputs => F.info_nce(inputs[0], inputs[1], own), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void GradCache_loss_is_a_dot_product_at_a_temperature_of_1()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(1), similarity: SimilarityMeasure.DotProduct);
        Check("GradCache.Simple", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void SupContrast_is_ours_times_the_temperature_over_its_base()
    {
        var labels = tensor([.. Labels, .. Labels]);
        using var loss = new InfoNCELoss(Temperature.Fixed(0.1));
        Check(
            "SupContrast",
            inputs =>
            {
                var views = cat([inputs[0], inputs[1]]);
                return loss.forward(views, views, null, PairMap.FromLabels(labels)) * (0.1 / 0.07);
            },
            Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void Pytorch_metric_learning_SupConLoss()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(0.1), missingPairs: MissingPairs.Skip);
        Check("pml.SupCon", inputs => loss.forward(inputs[0], inputs[0], null, PairMap.FromLabels(tensor(Labels))), Rows(5, 1));
    }

    [Fact]
    public void Pytorch_metric_learning_NTXentLoss_of_several_positives_is_a_row_for_each_positive_pair()
    {
        var labels = tensor(new long[] { 0, 0, 0, 1, 1 });
        var same = labels.unsqueeze(1).eq(labels.unsqueeze(0));
        var pairs = same.logical_and(eye(5, dtype: ScalarType.Bool).logical_not()).nonzero();
        var (anchors, positives) = (pairs[.., 0], pairs[.., 1]);
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2));
        Check(
            "pml.NTXent",
            inputs => loss.EvaluateNegatives(
                inputs[0][anchors], inputs[0][positives], inputs[0], PairMap.Negatives(anchors.shape[0], 5).Exclude(same[anchors])).Loss,
            Rows(5, 1));
    }

    [Fact]
    public void Pytorch_metric_learning_NTXentLoss_of_one_positive_is_that_of_two_views()
    {
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2), ContrastMode.TwoViews);
        Check("pml.NTXent.views", inputs => loss.forward(inputs[0], inputs[1]), Rows(5, 1), Rows(5, 2));
    }

    [Fact]
    public void Pytorch_metric_learning_with_references()
    {
        var (labels, references) = (tensor(Labels), tensor(new long[] { 0, 1, 2, 0, 1, 2, 0 }));
        using var supCon = new InfoNCELoss(Temperature.Fixed(0.1), missingPairs: MissingPairs.Skip);
        Check("pml.SupCon.ref", inputs => supCon.forward(inputs[0], inputs[1], null, PairMap.FromLabels(labels, references)), Rows(5, 1), Rows(7, 2));

        var same = labels.unsqueeze(1).eq(references.unsqueeze(0));
        var positivePairs = same.nonzero();
        var (anchors, positives) = (positivePairs[.., 0], positivePairs[.., 1]);
        using var ntXent = new InfoNCELoss(Temperature.Fixed(0.2));
        Check(
            "pml.NTXent.ref",
            inputs => ntXent.EvaluateNegatives(
                inputs[0][anchors], inputs[1][positives], inputs[1], PairMap.Negatives(anchors.shape[0], 7).Exclude(same[anchors])).Loss,
            Rows(5, 1), Rows(7, 2));
    }

    [Fact]
    public void Pytorch_metric_learning_CrossBatchMemory_is_the_batch_without_a_graph_and_the_memory_without_the_row_itself()
    {
        var labels = tensor(new long[] { 0, 0, 0, 1, 1 });
        var memory = Rows(5, 2).detach();
        var itself = cat([zeros(5, 5, ScalarType.Bool), eye(5, dtype: ScalarType.Bool)], dim: 1);
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2));
        Check(
            "pml.CrossBatchMemory.SupCon",
            inputs => loss.forward(
                inputs[0], cat([memory, inputs[0].detach()]), null, PairMap.FromLabels(labels, cat([labels, labels])).Exclude(itself)),
            Rows(5, 1));
    }

    [Fact]
    public void Pytorch_metric_learning_CrossBatchMemory_of_NTXentLoss_is_a_row_for_each_positive_pair()
    {
        var labels = tensor(new long[] { 0, 0, 0, 1, 1 });
        var memory = Rows(5, 2).detach();
        var same = labels.unsqueeze(1).eq(cat([labels, labels]).unsqueeze(0));
        var itself = cat([zeros(5, 5, ScalarType.Bool), eye(5, dtype: ScalarType.Bool)], dim: 1);
        var positivePairs = same.logical_and(itself.logical_not()).nonzero();
        var (anchors, positives) = (positivePairs[.., 0], positivePairs[.., 1]);
        using var loss = new InfoNCELoss(Temperature.Fixed(0.2));
        Check(
            "pml.CrossBatchMemory",
            inputs =>
            {
                var candidates = cat([memory, inputs[0].detach()]);
                return loss.EvaluateNegatives(
                    inputs[0][anchors], candidates[positives], candidates, PairMap.Negatives(anchors.shape[0], 10).Exclude(same[anchors])).Loss;
            },
            Rows(5, 1));
    }

    /// <summary>adjust_gamma('cosine') from 1 to 0.6 over 4 epochs, which it counts from 0.</summary>
    [Fact]
    public void LibAUC_cosine_is_one_visit_behind_ours()
    {
        double[] theirs = [1.0, 0.941421356237, 0.8, 0.658578643763, 0.6, 0.6];
        StepSizeSchedule.Cosine(1, 0.6, visits: 4).At(arange(6), ScalarType.Float64).data<double>().ToArray()
            .Should().Equal(theirs, (x, y) => Math.Abs(x - y) < Tolerance);
    }

    /// <summary>A large population, so that the positive, which theirs leaves out, has no share.</summary>
    [Fact]
    public void LibAUC_bimodal_takes_the_same_step_at_first_visits_and_another_later()
    {
        using var loss = new GammaContrastiveLoss(
            new PartitionTable(5, StepSizeSchedule.Constant(0.9), population: 1_000_000_000_000), Temperature.Fixed(0.2), ContrastMode.Symmetric,
            eStep: EStep.PosteriorMean);
        for (var visit = 0; visit < 3; visit++)
        {
            var (images, texts) = (Rows(5, 1 + visit), Rows(5, 2 + (2 * visit)));
            using var scope = NewDisposeScope();
            var ours = Gradients.Of(loss.forward(images, texts, arange(5)) * 0.8, images, texts);       // (B - 1) τ
            var distance = Distance($"LibAUC.bimodal.{visit}", ours);
            if (visit == 0) distance.Should().BeLessThan(1e-7);
            else distance.Should().BeGreaterThan(0.02);
        }
    }

    [Fact]
    public void LibAUC_unimodal_is_another_step_with_one_id_for_both_views_and_the_same_with_an_estimator_like_theirs()
    {
        using var table = new GammaContrastiveLoss(
            new PartitionTable(5, StepSizeSchedule.Constant(0.9), population: 1_000_000_000_000), Temperature.Fixed(0.2), ContrastMode.TwoViews,
            eStep: EStep.PosteriorMean);
        using var like = new GammaContrastiveLoss(new LibAucEstimates(5, 0.9), Temperature.Fixed(0.2), eStep: EStep.PosteriorMean);
        for (var visit = 0; visit < 3; visit++)
        {
            var (z0, z1) = (Rows(5, 1 + visit), Rows(5, 2 + (2 * visit)));
            using var scope = NewDisposeScope();
            var asCalled = Gradients.Of(table.forward(z0, z1, arange(5)) * 0.4, z0, z1);                 // 2 τ
            Distance($"LibAUC.unimodal.{visit}", asCalled).Should().BeGreaterThan(0.005);

            var views = cat([z0, z1]);
            var exact = Gradients.Of(like.forward(views, views, cat([arange(5), arange(5)]), PairMap.TwoViews(5)) * 0.4, z0, z1);
            Distance($"LibAUC.unimodal.{visit}", exact).Should().BeLessThan(1e-7);
        }
    }

    /// <summary>LibAUC's: an estimate for each view in the step, of which the mean is kept; negatives alone.</summary>
    private sealed class LibAucEstimates : PartitionEstimator
    {
        private const double Many = 1e12;
        private readonly Tensor estimates;
        private readonly double _gamma;

        public LibAucEstimates(long samples, double gamma)
            : base(nameof(LibAucEstimates), population: null)
        {
            (estimates, _gamma) = (zeros(samples, dtype: ScalarType.Float64).DetachFromDisposeScope(), gamma);
            register_buffer(nameof(estimates), estimates);
        }

        public override PartitionEstimator CreateSibling() => new LibAucEstimates(estimates.shape[0], _gamma);

        public override PartitionEstimate Estimate(PartitionObservation observation)
        {
            var (ids, sums) = (observation.SampleIds!, observation.Sums);
            var (old, now) = (estimates[ids], sums.LogNegatives.exp() / sums.NegativeTerms);
            var gamma = old.sum().item<double>() == 0 ? 1 : _gamma;
            var used = ((1 - gamma) * old) + (gamma * now);
            return new PartitionEstimate(
                (used * Many).log(),
                (ones_like(used) * Many / sums.NegativeTerms).log(),
                () => estimates.index_copy_(0, ids[..(int)(ids.shape[0] / 2)], used.view(2, -1).mean([0])));
        }
    }

    private static void Check(string name, Func<Tensor[], Tensor> loss, params Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        var value = loss(inputs);
        value.item<double>().Should().BeApproximately(double.Parse(Figure(name)[1], CultureInfo.InvariantCulture), Tolerance, name);
        var gradients = Gradients.Of(value, inputs);
        for (var i = 0; i < inputs.Length; i++)
        {
            var expected = Numbers(Figure(name)[2 + i]);
            gradients[i].view(-1)[..6].data<double>().ToArray().Should().Equal(expected[..6], (x, y) => Math.Abs(x - y) < Tolerance, name);
            gradients[i].norm().item<double>().Should().BeApproximately(expected[6], Tolerance, name);
        }
    }

    /// <summary>‖ours - theirs‖ / ‖theirs‖ of the first input's first six numbers.</summary>
    private static double Distance(string name, Tensor[] gradients)
    {
        var theirs = tensor(Numbers(Figure(name)[2])[..6]);
        return ((gradients[0].view(-1)[..6] - theirs).norm() / theirs.norm()).item<double>();
    }

    private static string[] Figure(string name)
        => Figures.Split('\n').Select(line => line.Split(" ; ")).Single(line => line[0].Trim() == name);

    private static double[] Numbers(string text)
        => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(number => double.Parse(number, CultureInfo.InvariantCulture))];

    private static Tensor Rows(int count, double phase)
    {
        var numbers = new double[count, 3];
        for (var i = 0; i < count; i++)
            for (var j = 0; j < 3; j++)
                numbers[i, j] = Math.Sin((1.3 * i * i) + (2.1 * j * (i + 1)) + phase);
        return tensor(numbers).requires_grad_();
    }
}
