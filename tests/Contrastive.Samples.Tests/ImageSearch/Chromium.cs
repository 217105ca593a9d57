using System.Diagnostics;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>The browser that is installed, without a window.</summary>
internal static class Chromium
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Null where there is none.</summary>
    public static string? Path { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(System.IO.Path.PathSeparator)
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => System.IO.Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <returns>The page as it stands once its scripts have come to rest.</returns>
    public static string Show(string chromium, Uri address)
    {
        using var profile = new TemporaryFolder();
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server", "--no-first-run",
            $"--user-data-dir={profile.Root}", "--virtual-time-budget=10000", "--dump-dom", address.AbsoluteUri,
        ];
        using var browser = Process.Start(new ProcessStartInfo(chromium, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (page, error) = (browser.StandardOutput.ReadToEndAsync(), browser.StandardError.ReadToEndAsync());
            Task.WaitAll([page, error], Longest).Should().BeTrue("the browser should come to an end");
            browser.WaitForExit();
            browser.ExitCode.Should().Be(0, error.Result);
            return page.Result;
        }
        finally
        {
            if (!browser.HasExited)
                browser.Kill(entireProcessTree: true);
            browser.WaitForExit();
        }
    }
}
