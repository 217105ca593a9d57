using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>The browser that is installed, without a window, with one page; it is asked by the DevTools protocol.</summary>
internal sealed partial class Chromium : IAsyncDisposable
{
    private readonly TemporaryFolder _profile = new();
    private readonly CancellationTokenSource _late = new(TimeSpan.FromMinutes(1));
    private readonly ClientWebSocket _socket = new();
    private readonly StringBuilder _said = new();
    private readonly Process _browser;
    private string? _session;
    private int _calls;

    private Chromium(string path)
    {
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server", "--no-first-run",
            $"--user-data-dir={_profile.Root}", "--remote-debugging-port=0", "about:blank",
        ];
        _browser = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    /// <summary>Null where there is none.</summary>
    public static string? Path { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(System.IO.Path.PathSeparator)
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => System.IO.Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <param name="path">The browser.</param>
    /// <param name="address">What its page shows.</param>
    public static async Task<Chromium> Open(string path, Uri address)
    {
        var browser = new Chromium(path);
        try
        {
            await browser._socket.ConnectAsync(await browser.Listening(), browser._late.Token);
            var target = await browser.Call("Target.createTarget", new JsonObject { ["url"] = address.AbsoluteUri });
            var attached = await browser.Call("Target.attachToTarget", new JsonObject { ["targetId"] = (string)target["targetId"]!, ["flatten"] = true });
            browser._session = (string)attached["sessionId"]!;
            // First there is an empty page.
            while (await browser.Evaluate("location.protocol + document.readyState") != $"{address.Scheme}:complete")
                await Task.Delay(20, browser._late.Token);
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <returns>The page as it stands once the answer is there.</returns>
    public async Task<string> Answered(string state = "answered")
    {
        while (await Evaluate("document.body?.dataset.state ?? ''") != state)
            await Task.Delay(20, _late.Token);
        return await Evaluate("document.documentElement.outerHTML");
    }

    /// <summary>As if the file were chosen.</summary>
    public async Task Choose(string selector, string file)
    {
        var found = await Call("Runtime.evaluate", new JsonObject { ["expression"] = $"document.querySelector({JsonSerializer.Serialize(selector)})" });
        await Call("DOM.setFileInputFiles", new JsonObject { ["files"] = new JsonArray(file), ["objectId"] = (string)found["result"]!["objectId"]! });
    }

    /// <summary>As if the file were dropped: the page sees the same events.</summary>
    public Task Drop(string file) => Evaluate($$"""
        {
          const files = new DataTransfer();
          const content = Uint8Array.from(atob("{{Convert.ToBase64String(File.ReadAllBytes(file))}}"), letter => letter.charCodeAt(0));
          files.items.add(new File([content], {{JsonSerializer.Serialize(System.IO.Path.GetFileName(file))}}));
          for (const what of ["dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(what, { dataTransfer: files, bubbles: true, cancelable: true }));
          "dropped"
        }
        """);

    public async Task<string> Evaluate(string script)
    {
        var result = await Call("Runtime.evaluate", new JsonObject { ["expression"] = script });
        return (string?)result["result"]?["value"] ?? "";
    }

    public async ValueTask DisposeAsync()
    {
        if (!_browser.HasExited)
            _browser.Kill(entireProcessTree: true);
        await _browser.WaitForExitAsync();
        _browser.Dispose();
        _socket.Dispose();
        _late.Dispose();
        _profile.Dispose();
    }

    private async Task<Uri> Listening()
    {
        while (await _browser.StandardError.ReadLineAsync(_late.Token) is { } line)
        {
            _said.AppendLine(line);
            if (Address().Match(line) is { Success: true } match)
            {
                // Read on, or the browser waits once the pipe is full.
                _ = _browser.StandardError.ReadToEndAsync();
                _ = _browser.StandardOutput.ReadToEndAsync();
                return new Uri(match.Groups[1].Value);
            }
        }

        throw new InvalidOperationException($"the browser does not listen: {_said}");
    }

    private async Task<JsonNode> Call(string method, JsonObject arguments)
    {
        var call = new JsonObject { ["id"] = ++_calls, ["method"] = method, ["params"] = arguments };
        if (_session is not null)
            call["sessionId"] = _session;
        await _socket.SendAsync(Encoding.UTF8.GetBytes(call.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, _late.Token);
        while (true)
        {
            // Between them are events, which nobody asked for.
            var answer = await Receive();
            if ((int?)answer["id"] == _calls)
                return answer["result"] ?? throw new InvalidOperationException($"{method}: {answer}");
        }
    }

    private async Task<JsonNode> Receive()
    {
        using var message = new MemoryStream();
        var buffer = new byte[1 << 16];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer.AsMemory(), _late.Token);
            message.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        return JsonNode.Parse(message.ToArray())!;
    }

    [GeneratedRegex("DevTools listening on (ws://[^ ]+)")]
    private static partial Regex Address();
}
