using Contrastive.Benchmarks.Cases;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Tests;

public class CaseListTests
{
    public static TheoryData<string, StepForm> Forms
    {
        get
        {
            var data = new TheoryData<string, StepForm>();
            foreach (var step in CaseList.All)
                foreach (var form in Enum.GetValues<StepForm>().Where(step.Has))
                    data.Add(step.Name, form);
            return data;
        }
    }

    [Fact]
    public void Names_are_unique() => CaseList.All.Select(step => step.Name).Should().OnlyHaveUniqueItems();

    [Fact]
    public void The_sizes_are_those_that_were_promised() => CaseList.All.Select(step => (step.Name, step.Batch, step.Dim)).Should().Contain(
    [
        ("infonce-symmetric", 4096, 512), ("infonce-symmetric-small", 256, 128), ("infonce-symmetric-large", 32768, 256),
        ("gamma", 4096, 512), ("gamma-large", 32768, 256), ("consistency", 4096, 512),
    ]);

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_run_leaves_no_tensor_behind(string name, StepForm form)
    {
        using var step = Small(name).Make(form);
        TensorCount.ShouldStay(step.Run, times: 3);
    }

    [Theory]
    [InlineData("infonce-symmetric")]
    [InlineData("infonce-symmetric-recomputed")]
    [InlineData("infonce-symmetric-32")]
    [InlineData("supcon")]
    [InlineData("two-views")]
    [InlineData("uniformity")]
    [InlineData("repeated-id-256")]
    [InlineData("consistency")]
    [InlineData("consistency-augmented")]
    public void Both_forms_have_the_same_loss_and_gradients(string name)
    {
        var (ours, plain) = (Results(name, StepForm.Ours), Results(name, StepForm.Plain));

        ours.Loss.ShouldEqual(plain.Loss, 1e-5);
        ShouldEqual(ours.Gradients, plain.Gradients);
    }

    [Theory]
    [InlineData("gamma")]
    [InlineData("gamma-m-step")]
    [InlineData("gamma-symmetric-64")]
    [InlineData("gamma-two-views-64")]
    public void The_gamma_loss_has_the_gradients_of_the_plain_form_at_a_first_visit(string name)
        => ShouldEqual(Results(name, StepForm.Ours).Gradients, Results(name, StepForm.Plain).Gradients);

    private static (Tensor Loss, IReadOnlyList<Tensor> Gradients) Results(string name, StepForm form)
    {
        using var step = Small(name).Make(form);
        return step.Results();
    }

    private static void ShouldEqual(IReadOnlyList<Tensor> actual, IReadOnlyList<Tensor> expected)
    {
        actual.Should().HaveSameCount(expected);
        for (var i = 0; i < actual.Count; i++)
            actual[i].div(expected[i].abs().max()).ShouldEqual(expected[i].div(expected[i].abs().max()), 1e-4, $"gradient {i}");
    }

    /// <summary>N > 3 D, and more pairs than are done as a whole matrix: the code that the large cases run.</summary>
    private static StepCase Small(string name) => CaseList.Named(name) with { Batch = 150, Dim = 8 };

    [Fact]
    public void Large_batches_are_run_in_the_librarys_form_alone()
    {
        CaseList.Named("infonce-symmetric-large").Forms.Should().Equal(StepForm.Ours);
        CaseList.Named("infonce-symmetric").Forms.Should().Equal(StepForm.Floor, StepForm.FloorInPlace, StepForm.Ours, StepForm.Plain);
        CaseList.Named("consistency").Forms.Should().Equal(StepForm.Ours, StepForm.Plain);
    }
}
