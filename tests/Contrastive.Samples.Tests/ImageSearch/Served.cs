using System.Diagnostics;
using System.Text.RegularExpressions;
using Contrastive.Samples.ImageSearch;
using Contrastive.Samples.Tests.Common;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>The web page over a folder of red and blue pictures, at a port that was free.</summary>
public sealed partial class Served : IDisposable
{
    /// <summary>A caption that would be a page's own if it were not shown as text.</summary>
    public const string Markup = "all red <b id=\"marked\">bold</b> & more";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private readonly TrainedOnRedAndBlue _trained = new();
    private readonly PictureFolder _gallery = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<int> _run;

    public Served()
    {
        _gallery.Add("blue.png", new SKColor(20, 40, 220));
        _gallery.Add("red.png", new SKColor(220, 40, 20));
        _gallery.Files.File("drawn.svg", """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="rgb(200,60,40)"/></svg>""");
        _gallery.Files.File("notes.txt", "not to be served");
        var captions = _gallery.Files.File("captions.tsv", $"red.png\t{Markup}\nblue.png\tall blue\n");
        var (said, error) = (new StringWriter(), new StringWriter());
        var output = TextWriter.Synchronized(said);
        _run = Task.Factory.StartNew(
            () => ImageSearchProgram.Run(
                ["serve", "--model", Model, "--images", _gallery.Root, "--captions", captions, "--port", "0", "--max-upload", "1", "--top", "2"],
                output, error, () => { }, _stop.Token),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var clock = Stopwatch.StartNew();
        while (!Said().Contains("Ctrl-C stops", StringComparison.Ordinal))
        {
            (_run.IsCompleted || clock.Elapsed > Longest).Should().BeFalse($"it should listen: {Said()} {error}");
            Thread.Sleep(20);
        }

        Listening().IsMatch(Said()).Should().BeTrue(Said());
        Address = new Uri(Listening().Match(Said()).Groups[1].Value);
        // No proxy of the environment stands between.
        Client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Address };

        string Said()
        {
            // The lock that a synchronized writer takes itself.
            lock (output)
                return said.ToString();
        }
    }

    public string Model => _trained.Model;

    public Uri Address { get; }

    public HttpClient Client { get; }

    public int Port => Address.Port;

    /// <summary>A file of the folder that is searched.</summary>
    public byte[] Picture(string name) => File.ReadAllBytes(PathOf(name));

    public string PathOf(string name) => _gallery.Path(name);

    public void Dispose()
    {
        _stop.Cancel();
        _run.Wait(Longest).Should().BeTrue();
        _run.Result.Should().Be(0, "it is meant to be stopped");
        new Func<Task>(() => Client.GetAsync(new Uri("/", UriKind.Relative))).Should().ThrowAsync<HttpRequestException>().GetAwaiter().GetResult();
        Client.Dispose();
        _stop.Dispose();
        _gallery.Dispose();
        _trained.Dispose();
    }

    [GeneratedRegex("listening on (http://127\\.0\\.0\\.1:[0-9]+): 3 pictures and 2 captions")]
    private static partial Regex Listening();
}
