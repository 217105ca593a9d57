namespace Contrastive.Packages.Tests;

/// <summary>A console project outside the repository, as `dotnet new console` and `dotnet add package` make it.</summary>
/// <remarks>
/// The machine's own packages are a fallback: what it has need not be fetched or copied again, and what the tests packed never
/// gets there.
/// </remarks>
internal sealed class FreshProject : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public FreshProject(string program, string packages, params (string Id, string Version)[] references)
    {
        _folder.File("Program.cs", program);
        _folder.File("App.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">

              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
              </PropertyGroup>

              <ItemGroup>
                {string.Join("\n    ", references.Select(package => $"""<PackageReference Include="{package.Id}" Version="{package.Version}" />"""))}
              </ItemGroup>

            </Project>
            """);
        _folder.File("nuget.config", $"""
            <configuration>
              <packageSources>
                <add key="packed by the test" value="{packages}" />
              </packageSources>
              <fallbackPackageFolders>
                <add key="this machine's" value="{Repository.PackageFolder}" />
              </fallbackPackageFolders>
            </configuration>
            """);
    }

    public string Path(params string[] parts) => _folder.Path(parts);

    /// <summary>`dotnet` with these arguments, in the project's folder.</summary>
    public string Dotnet(params string[] arguments) => Packages.Tests.Dotnet.Run(_folder.Root, _folder.Path("packages"), arguments);

    /// <summary>The same; each line is also told as it comes.</summary>
    public void Follow(Action<string> onLine, params string[] arguments)
        => Packages.Tests.Dotnet.Follow(_folder.Root, _folder.Path("packages"), onLine, Packages.Tests.Dotnet.Host, arguments);

    /// <summary>Runs a program that the project published.</summary>
    public string Start(string program) => Packages.Tests.Dotnet.Start(_folder.Root, null, program);

    /// <summary>TorchSharp's native library in a folder of the project.</summary>
    public byte[] LibTorchSharp(string output)
        => File.ReadAllBytes(Directory.EnumerateFiles(Path(output), "libLibTorchSharp.so", SearchOption.AllDirectories).Single());

    public void Dispose() => _folder.Dispose();
}
