using System.CommandLine;
using System.Net;
using Contrastive.Samples.ImageSearch.Querying;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ImageSearch.Serving;

/// <summary>What to search and where to listen.</summary>
/// <param name="Gallery">The model and the pictures to search.</param>
/// <param name="Address">Where to listen.</param>
/// <param name="Port">0 for one that is free.</param>
/// <param name="LargestUpload">In bytes.</param>
internal sealed record ServeSettings(GallerySettings Gallery, IPAddress Address, int Port, int LargestUpload);

/// <summary>The command <c>serve</c> and its options.</summary>
internal sealed class ServeCommand
{
    private const int Megabyte = 1_000_000;

    private readonly GalleryOptions _gallery = new();
    private readonly Option<string> _port = Text("--port", "5080", "Where to listen; 0 for a port that is free", "n");
    private readonly Option<string> _host = Text("--host", "127.0.0.1", "The address to listen on; 0.0.0.0 lets other machines ask", "address");
    private readonly Option<string> _largest = Text("--max-upload", "10", "The largest picture that may be dropped, in MB", "n");

    public ServeCommand()
    {
        Command = new Command("serve", "Answers queries on a local web page, until Ctrl-C.");
        Option[] options = [.. _gallery.All, _port, _host, _largest];
        foreach (var option in options)
            Command.Add(option);
    }

    public Command Command { get; }

    public ServeSettings Settings(ParseResult parsed) => new(
        _gallery.Settings(parsed),
        Address(parsed.GetRequiredValue(_host)),
        (int)Whole(_port, parsed.GetRequiredValue(_port), 0, IPEndPoint.MaxPort),
        (int)Whole(_largest, parsed.GetRequiredValue(_largest), 1, 100) * Megabyte);

    private IPAddress Address(string text)
        => text == "localhost" ? IPAddress.Loopback
            : IPAddress.TryParse(text, out var address) ? address
            : throw new UserError($"{_host.Name}: '{text}' is not an address such as 127.0.0.1, ::1 or 0.0.0.0");
}
