using System.Text;
using TorchSharp.Modules;

namespace Contrastive.Training;

/// <summary>
/// Reads what TorchSharp's optimisers write, and refuses a tensor whose dtype and shape are those of no parameter. TorchSharp allocates
/// whatever they say, and a dtype that does not exist ends the process.
/// </summary>
/// <remarks>
/// Each byte that TorchSharp reads singly belongs to an integer, seven bits a byte, lowest first: the numbers of groups and of states, then
/// for each tensor its dtype, its number of dimensions and each dimension. It reads all else in other ways.
/// </remarks>
internal sealed class OptimizerStateReader : BinaryReader
{
    private const int BitsPerByte = 7;
    private const int MoreFollow = 1 << BitsPerByte;
    private const int BeforeDimensions = 2;

    private readonly long[][] _parameters;
    private readonly List<long> _tensor = [];
    private bool _isText;
    private int _countsLeft = 2;
    private long _integer;
    private int _bits;

    public OptimizerStateReader(Stream state, IEnumerable<Parameter> parameters)
        : base(state, Encoding.UTF8, leaveOpen: true)
        => _parameters = [.. parameters.Select(parameter => (long[])[(long)parameter.dtype, parameter.dim(), .. parameter.shape])];

    public override string ReadString()
    {
        _isText = true;
        var text = base.ReadString();
        _isText = false;
        return text;
    }

    public override byte ReadByte()
    {
        var read = base.ReadByte();
        if (_isText)
            return read;
        var bits = (long)read & ~MoreFollow;
        if (_bits >= 64 || bits << _bits >> _bits != bits)
            throw new InvalidDataException("an integer of an optimiser's state has more than 63 bits");
        _integer |= bits << _bits;
        _bits += BitsPerByte;
        if (bits == read)
        {
            Take(_integer);
            (_integer, _bits) = (0, 0);
        }

        return read;
    }

    private void Take(long integer)
    {
        if (_countsLeft > 0)
        {
            _countsLeft--;
            return;
        }

        _tensor.Add(integer);
        if (!_parameters.Any(parameter => parameter.Take(_tensor.Count).SequenceEqual(_tensor)))
            throw new InvalidDataException(
                $"a tensor of an optimiser's state begins with dtype, dimensions and shape {string.Join(", ", _tensor)}, as none of its {_parameters.Length} parameters does");
        if (_tensor.Count >= BeforeDimensions && _tensor.Count == BeforeDimensions + _tensor[1])
            _tensor.Clear();
    }
}
