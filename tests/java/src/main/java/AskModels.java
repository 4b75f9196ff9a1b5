import com.google.gson.Gson;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tensorflow.Result;
import org.tensorflow.SavedModelBundle;
import org.tensorflow.Tensor;
import org.tensorflow.ndarray.NdArray;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.buffer.DataBuffers;
import org.tensorflow.types.TFloat32;
import org.tensorflow.types.TFloat64;
import org.tensorflow.types.TInt32;
import org.tensorflow.types.TInt64;
import org.tensorflow.types.TString;

/**
 * Asks SavedModels as a serving program without Python does.
 *
 * <p>Usage: AskModels QUESTIONS ANSWERS. Questions are a JSON list of {model: folder,
 * signature, inputs: {name: values}}; answers a list, in the same order, of {output: values}.
 * Values are {dtype, shape, values}, the values in one row, strings in base64.
 */
public final class AskModels {
  private static final class Question {
    String model;
    String signature;
    Map<String, Values> inputs;
  }

  private static final class Values {
    String dtype;
    long[] shape;
    List<Object> values = new ArrayList<>();
  }

  public static void main(String[] arguments) throws Exception {
    Gson gson = new Gson();
    Question[] questions;
    try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
      questions = gson.fromJson(reader, Question[].class);
    }
    Map<String, SavedModelBundle> models = new HashMap<>();
    List<Map<String, Values>> answers = new ArrayList<>();
    for (Question question : questions) {
      SavedModelBundle model =
          models.computeIfAbsent(question.model, folder -> SavedModelBundle.load(folder, "serve"));
      Map<String, Tensor> inputs = new HashMap<>();
      for (Map.Entry<String, Values> input : question.inputs.entrySet()) {
        inputs.put(input.getKey(), tensor(input.getValue()));
      }
      Map<String, Values> answer = new TreeMap<>();
      try (Result result = model.function(question.signature).call(inputs)) {
        for (String name : result.keySet()) {
          answer.put(name, values(result.get(name).orElseThrow()));
        }
      }
      answers.add(answer);
    }
    Files.writeString(Path.of(arguments[1]), gson.toJson(answers));
  }

  private static Tensor tensor(Values given) {
    Shape shape = Shape.of(given.shape);
    int size = given.values.size();
    switch (given.dtype) {
      case "string":
        byte[][] texts = new byte[size][];
        for (int i = 0; i < size; i++) {
          texts[i] = Base64.getDecoder().decode((String) given.values.get(i));
        }
        return TString.tensorOfBytes(shape, DataBuffers.of(texts, false, false));
      case "float32":
        float[] floats = new float[size];
        for (int i = 0; i < size; i++) {
          floats[i] = ((Number) given.values.get(i)).floatValue();
        }
        return TFloat32.tensorOf(shape, DataBuffers.of(floats));
      case "int64":
        long[] numbers = new long[size];
        for (int i = 0; i < size; i++) {
          numbers[i] = ((Number) given.values.get(i)).longValue();
        }
        return TInt64.tensorOf(shape, DataBuffers.of(numbers));
      default:
        throw new IllegalArgumentException("no tensor of " + given.dtype);
    }
  }

  private static Values values(Tensor tensor) {
    Values values = new Values();
    values.shape = tensor.shape().asArray();
    NdArray<?> array;
    if (tensor instanceof TFloat32 floats) {
      values.dtype = "float32";
      array = floats;
    } else if (tensor instanceof TFloat64 doubles) {
      values.dtype = "float64";
      array = doubles;
    } else if (tensor instanceof TInt64 longs) {
      values.dtype = "int64";
      array = longs;
    } else if (tensor instanceof TInt32 numbers) {
      values.dtype = "int32";
      array = numbers;
    } else if (tensor instanceof TString texts) {
      values.dtype = "string";
      array = texts.asBytes();
    } else {
      throw new IllegalArgumentException("no values of " + tensor.dataType());
    }
    array.scalars().forEach(scalar -> values.values.add(plain(scalar.getObject())));
    return values;
  }

  private static Object plain(Object value) {
    return value instanceof byte[] bytes ? Base64.getEncoder().encodeToString(bytes) : value;
  }
}
