using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.TestSupport;

/// <summary>
/// TorchSharp hands a Scalar's raw handle to native code without keeping the object alive: one made on the fly may be
/// finalised during the call. Banned symbols keep our own code from it; this looks inside TorchSharp for methods that make one.
/// </summary>
internal static class TemporaryScalars
{
    private static readonly Assembly Torch = typeof(Tensor).Assembly;

    /// <summary>An assembly calls no method of TorchSharp that makes a temporary scalar, itself or in what it calls.</summary>
    public static void ShouldNotBeMadeBy(Assembly assembly)
    {
        var makesScalar = new Dictionary<MethodBase, bool>();
        CalledMethods.AllOf(assembly)
            .SelectMany(caller => CalledMethods.Of(caller)
                .Where(called => called.Module.Assembly == Torch && MakesScalar(called))
                .Select(called => $"{caller.DeclaringType?.Name}.{caller.Name} calls {called.DeclaringType?.Name}.{called}"))
            .Distinct()
            .ToArray()
            .Should().BeEmpty();

        bool MakesScalar(MethodBase method)
        {
            // A scalar asked for by name is kept by whoever asked.
            if (method.DeclaringType == typeof(Scalar) || method.Name == nameof(ScalarExtensionMethods.ToScalar)) return false;
            if (makesScalar.TryGetValue(method, out var known)) return known;
            makesScalar[method] = false;
            return makesScalar[method] = CalledMethods.Of(method)
                .Where(called => called.Module.Assembly == Torch)
                .Any(called => called is MethodInfo { ReturnType: var type } && type == typeof(Scalar)
                    || called.IsConstructor && called.DeclaringType == typeof(Scalar)
                    || MakesScalar(called));
        }
    }
}
