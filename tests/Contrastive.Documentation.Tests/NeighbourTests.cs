namespace Contrastive.Documentation.Tests;

/// <summary>Libraries that programs use beside these, and names that both could have.</summary>
public class NeighbourTests
{
    // The public types of TorchSharp.PyBridge 1.4, with one method each.
    private const string PyBridge = """
        namespace TorchSharp.PyBridge
        {
            public static class Safetensors { public static string LoadStateDict(string path) => path; }
            public static class PyTorchPickler { }
            public static class PyTorchUnpickler { }
            public static class PyBridgeModuleExtensions
            {
                public static TorchSharp.torch.nn.Module load_safetensors(this TorchSharp.torch.nn.Module module, string location) => module;
                public static TorchSharp.torch.nn.Module save_py(this TorchSharp.torch.nn.Module module, string location) => module;
            }
            public static class PyBridgeOptimizerExtensions
            {
                public static void save_py(this TorchSharp.Modules.OptimizerHelper optimizer, string location) { }
            }
        }
        """;

    [Fact]
    public void A_program_can_use_PyBridge_and_all_our_namespaces()
        => ExampleProgram.Run($$"""
            using Contrastive;
            using Contrastive.Distributed;
            using Contrastive.Evaluation;
            using Contrastive.Modality;
            using Contrastive.Training;
            using TorchSharp;
            using TorchSharp.PyBridge;
            using static TorchSharp.torch;

            using var tower = nn.Linear(2, 2);
            tower.load_safetensors("theirs").save_py("theirs");
            var path = System.IO.Path.GetTempFileName();
            WeightsFile.Save(path, tower);
            Console.WriteLine(Safetensors.LoadStateDict(path) + WeightsFile.ReadHeader(path).Tensors.Count);
            System.IO.File.Delete(path);

            {{PyBridge}}
            """).Should().EndWith($"2{Environment.NewLine}");

    [Fact]
    public void Nothing_public_of_ours_is_called_Safetensors()
        => ApiIndex.Libraries.SelectMany(library => library.GetExportedTypes())
            .Where(type => type.Name.Contains("Safetensors", StringComparison.OrdinalIgnoreCase)).Should().BeEmpty();

    [Fact]
    public void No_library_sees_the_internals_of_another()
    {
        var names = ApiIndex.Libraries.Select(library => library.GetName().Name!).ToArray();
        foreach (var library in ApiIndex.Libraries)
        {
            library.GetCustomAttributes(typeof(System.Runtime.CompilerServices.InternalsVisibleToAttribute), false)
                .Cast<System.Runtime.CompilerServices.InternalsVisibleToAttribute>().Select(friend => friend.AssemblyName)
                .Should().Equal($"{library.GetName().Name}.Tests").And.NotIntersectWith(names);
        }
    }
}
