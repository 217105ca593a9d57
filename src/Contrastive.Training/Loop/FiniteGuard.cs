using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// Stops a training that went too far: at the first number that is not finite (NaN or ±∞) it says what it is and after which step, before
/// a checkpoint is made of it.
/// </summary>
/// <example>
/// <code>
/// FiniteGuard.Check(result.Objective.item&lt;float&gt;(), "objective", step);
/// FiniteGuard.Check(encoder, step);        // which parameter, or whose gradient
/// </code>
/// </example>
public static class FiniteGuard
{
    /// <summary>Refuses a figure that is not finite.</summary>
    /// <param name="value">The figure.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <param name="step">How many steps were taken, for the message.</param>
    /// <exception cref="NotFiniteNumberException">It is NaN or infinite: "objective is NaN after step 12".</exception>
    public static void Check(double value, string what, long? step = null)
    {
        if (!double.IsFinite(value))
            throw new NotFiniteNumberException(FormattableString.Invariant($"{what} is {value}{After(step)}"), value);
    }

    /// <summary>Refuses a tensor in which something is not finite. Waits for the device.</summary>
    /// <param name="values">Of any shape and type, such as features that are to be measured.</param>
    /// <param name="what">What they are, for the message.</param>
    /// <param name="step">How many steps were taken, for the message.</param>
    /// <returns>The tensor itself.</returns>
    /// <exception cref="NotFiniteNumberException">Something in it is NaN or infinite; the message says how much and where the first is.</exception>
    public static Tensor Check(Tensor values, string what, long? step = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var finite = values.isfinite();
        if (finite.all().item<bool>()) return values;

        var places = finite.logical_not().nonzero();
        var first = places[0].cpu().data<long>().ToArray();
        throw new NotFiniteNumberException(
            $"{what}: {places.shape[0]} of {values.numel()} numbers are not finite, the first at [{string.Join(", ", first)}]{After(step)}");
    }

    /// <summary>
    /// Refuses a module with a parameter or a gradient in which something is not finite. Waits for the device once, however many there
    /// are.
    /// </summary>
    /// <param name="module">An encoder, a loss; after <c>backward()</c>, and before or after the optimiser's step.</param>
    /// <param name="step">How many steps were taken, for the message.</param>
    /// <exception cref="NotFiniteNumberException">The message names the first such parameter, or the one whose gradient it is.</exception>
    public static void Check(nn.Module module, long? step = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var all = module.named_parameters().SelectMany(Tensors).ToArray();
        if (all.Length == 0) return;
        var device = all[0].Values.device;
        if (stack([.. all.Select(named => named.Values.isfinite().all().to(device))]).all().item<bool>()) return;
        foreach (var (what, values) in all) Check(values, what, step);

        static IEnumerable<(string What, Tensor Values)> Tensors((string Name, TorchSharp.Modules.Parameter Parameter) named)
        {
            yield return ($"the parameter {named.Name}", named.Parameter);
            if (named.Parameter.grad is { } gradient) yield return ($"the gradient of {named.Name}", gradient);
        }
    }

    private static string After(long? step) => step is { } taken ? FormattableString.Invariant($" after step {taken}") : "";
}
