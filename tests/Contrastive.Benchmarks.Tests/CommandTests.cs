using Contrastive.Benchmarks.Cases;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Tests;

public class CommandTests
{
    [Fact]
    public void Without_options_every_case_is_measured_with_its_memory()
    {
        var settings = Parse();

        settings.Cases.Should().Equal(CaseList.All);
        settings.Should().BeEquivalentTo(new { Quick = false, Memory = true, Out = (string?)null, Cost = (object?)null, Threads = Environment.ProcessorCount });
    }

    [Fact]
    public void The_quick_form_keeps_all_cases_and_shrinks_them()
    {
        var settings = Parse("--quick", "--out", "file.json");

        settings.Quick.Should().BeTrue();
        settings.Out.Should().Be("file.json");
        settings.Cases.Select(step => step.Name).Should().Equal(CaseList.All.Select(step => step.Name));
        settings.Cases.Should().OnlyContain(step => step.Batch <= 256 && step.Dim <= 32);
    }

    [Theory]
    [InlineData("gamma", "gamma")]
    [InlineData("gamma-two-views-*", "gamma-two-views-64", "gamma-two-views-256", "gamma-two-views-1024")]
    [InlineData("*-large", "infonce-symmetric-large", "gamma-large")]
    public void A_filter_is_a_name_or_a_pattern(string pattern, params string[] names)
        => Parse("--filter", pattern).Cases.Select(step => step.Name).Should().Equal(names);

    [Fact]
    public void Several_filters_add_up()
        => Parse("--filter", "consistency", "gamma").Cases.Select(step => step.Name).Should().Equal("gamma", "consistency");

    [Fact]
    public void The_cost_is_shown_at_powers_of_two()
    {
        Parse("--cost", "--largest", "5000").Cost!.Batches.Should().Equal(1024, 2048, 4096);
        Parse("--cost").Cost!.Batches.Should().HaveCount(7).And.EndWith(65536);
        Parse("--cost", "--plot", "here.png").Cost!.Plot.Should().Be("here.png");
        Parse("--cost", "--quick").Cost!.Plot.Should().Be("out/cost.png", "a quick look is no picture for the documentation");
    }

    [Theory]
    [InlineData("nothing", "--filter", "nothing")]
    [InlineData("--threads", "--threads", "0")]
    [InlineData("--largest", "--cost", "--largest", "1000")]
    [InlineData("--filter", "--cost", "--filter", "gamma")]
    [InlineData("--no-memory", "--cost", "--no-memory")]
    [InlineData("--out", "--out", "")]
    public void What_cannot_be_is_refused(string message, params string[] arguments)
        => FluentActions.Invoking(() => Parse(arguments)).Should().Throw<UserError>().WithMessage($"*{message}*");

    [Theory]
    [InlineData("probe", "no-such-case", "64", "8")]
    [InlineData("probe", "gamma", "1", "8")]
    [InlineData("probe", "consistency", "64", "8", "--form", "Floor")]
    [InlineData("probe", "gamma", "64")]
    public void A_probe_of_what_cannot_be_ends_with_code_2(params string[] arguments)
        => BenchmarkProgram.Run(arguments, TextWriter.Null, TextWriter.Null).Should().Be(SampleRunner.Refused);

    private static BenchmarkSettings Parse(params string[] arguments)
    {
        var command = new BenchmarkCommand();
        return command.Settings(command.Root.Parse(arguments));
    }
}
